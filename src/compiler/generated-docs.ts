// The parts of the documentation that are made from the tables the checker reads; `npm run docs` writes them.
import { keyTables } from "./explain.ts";
import { vocabulary } from "./words.ts";

export interface GeneratedDoc {
  /** From the root of the project. */
  readonly path: string;
  /** Of the marks around it. */
  readonly name: string;
  readonly text: string;
}

export const generatedDocs = (): readonly GeneratedDoc[] => [
  { path: "docs/language.md", name: "keys", text: keyTables(vocabulary) },
];
