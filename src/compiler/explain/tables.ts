// The parts of the documentation that are made from the checker's tables.
import type { DiagnosticEntry } from "../diagnostics/entry.ts";
import type { Vocabulary } from "../semantics/schema.ts";
import { unitWords } from "../semantics/values.ts";
import { diagnosticPage, keyTable, rulesPage, sentence } from "./pages.ts";

/** The reference part of docs/language.md. */
export const keyTables = (vocabulary: Vocabulary): string => {
  const lines: string[] = [];
  const titles: Readonly<Record<string, string>> = {
    model: "Keys of `model`",
    blocks: "Keys of `blocks` and `block`",
    recipe: "Keys of `recipe`",
  };
  for (const [place, keys] of Object.entries(vocabulary.keys))
    lines.push(`### ${titles[place] ?? `Keys of \`${place}\``}`, "", ...keyTable(keys), "");
  for (const [place, blocks] of Object.entries(vocabulary.rules))
    for (const block of blocks)
      lines.push(`### Rules of \`${block.name}\``, "", ...rulesPage(block, place).lines, "");
  for (const sum of vocabulary.sums) {
    const variants = vocabulary.constructors.filter((c) => c.of === sum.name);
    lines.push(`### ${sum.name}`, "", `${sentence(sum.doc)}.`, "");
    for (const ctor of variants) {
      const source = ctor.source === undefined ? "" : ` Source: ${ctor.source}.`;
      lines.push(`**\`${ctor.name}\`**: ${ctor.doc}.${source}`, "");
      if (ctor.keys.length > 0) lines.push(...keyTable(ctor.keys), "");
    }
  }
  lines.push("### Units", "", `\`%\`, ${unitWords.map((unit) => `\`${unit}\``).join(", ")}`, "");
  return lines.join("\n");
};

/** docs/diagnostics.md: every code, under a heading that links can name. */
export const diagnosticsPage = (catalogue: readonly DiagnosticEntry[]): string =>
  [
    "# Diagnostics",
    "",
    "What the checker can say, by code; `specc explain CODE` prints the same. Codes are stable: none is ever used again.",
    "Examples below SPC2000 stand alone; the others stand in a file that imports a small model `Base` and a recipe `Train`.",
    ...[...catalogue]
      .sort((a, b) => (a.code < b.code ? -1 : 1))
      .flatMap((entry) => [
        "",
        `## ${entry.code}`,
        "",
        `**${entry.name}**`,
        "",
        ...diagnosticPage(entry).lines,
      ]),
    "",
  ].join("\n");
