// What of the documentation is made from the tables the checker reads; `npm run docs` writes it.
import { PAGE } from "./diagnostics/page.ts";
import { diagnosticsPage, keyTables } from "./explain/tables.ts";
import { featurePages, type GeneratedPage } from "./feature-docs.ts";
import { catalogue, vocabulary } from "./words.ts";

/** A part of a page, between marks; its path is from the root of the project. */
export interface GeneratedPart {
  readonly path: string;
  /** Of the marks around it. */
  readonly name: string;
  readonly text: string;
}

export const generatedParts = (): readonly GeneratedPart[] => [
  { path: "docs/language.md", name: "keys", text: keyTables(vocabulary) },
];
export const generatedPages = (): readonly GeneratedPage[] => [
  ...featurePages(),
  { path: PAGE, text: diagnosticsPage(catalogue) },
];
