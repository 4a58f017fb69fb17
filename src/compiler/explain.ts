// `specc explain` and the key tables of the docs: pages made from the tables that the checker reads.
import { suggest } from "./diagnostics/suggest.ts";
import type {
  Constructor,
  DiagnosticEntry,
  Key,
  RuleBlock,
  SumType,
  Vocabulary,
} from "./semantics/schema.ts";
import { bounds } from "./semantics/conform.ts";
import { showType, unitWords } from "./semantics/values.ts";

export type Explanation =
  | { readonly found: true; readonly text: string }
  | { readonly found: false; readonly suggestion?: string };

/** A page for a code, its name, a key, a constructor, a sum type or a block of rules; several meanings follow each other. */
export const explain = (
  topic: string,
  vocabulary: Vocabulary,
  catalogue: readonly DiagnosticEntry[],
): Explanation => {
  const pages = pagesOf(vocabulary, catalogue);
  const wanted = topic.trim();
  const named = (same: (name: string) => boolean): readonly string[] =>
    pages.flatMap(({ names, text }) => (names.some(same) ? [text()] : []));
  const exact = named((name) => name === wanted);
  const texts =
    exact.length > 0 ? exact : named((name) => name.toLowerCase() === wanted.toLowerCase());
  if (texts.length > 0) return { found: true, text: [...new Set(texts)].join("\n") };
  const suggestion = suggest(wanted, new Set(pages.flatMap(({ names }) => names)));
  return suggestion === undefined ? { found: false } : { found: false, suggestion };
};

/** Everything that has a page, in the order of the tables. */
export const topics = (
  vocabulary: Vocabulary,
  catalogue: readonly DiagnosticEntry[],
): readonly string[] => [...new Set(pagesOf(vocabulary, catalogue).flatMap(({ names }) => names))];

interface Page {
  readonly names: readonly string[];
  readonly text: () => string;
}

const pagesOf = (
  vocabulary: Vocabulary,
  catalogue: readonly DiagnosticEntry[],
): readonly Page[] => [
  ...catalogue.map((entry) => ({
    names: [entry.code, entry.name],
    text: () => diagnosticPage(entry),
  })),
  ...Object.entries(vocabulary.keys).flatMap(([place, keys]) =>
    keys.map((key) => ({
      names: [key.name, `${place}.${key.name}`],
      text: () => keyPage(key, place, vocabulary),
    })),
  ),
  ...vocabulary.constructors.flatMap((ctor) => [
    { names: [ctor.name, `${ctor.of}.${ctor.name}`], text: () => constructorPage(ctor) },
    ...ctor.keys.map((key) => ({
      names: [key.name, `${ctor.name}.${key.name}`],
      text: () => keyPage(key, `${ctor.name}(…)`, vocabulary),
    })),
  ]),
  ...vocabulary.sums.map((sum) => ({ names: [sum.name], text: () => sumPage(sum, vocabulary) })),
  ...Object.entries(vocabulary.rules).flatMap(([place, blocks]) =>
    blocks.map((block) => ({ names: [block.name], text: () => rulesPage(block, place) })),
  ),
];

const fence = (text: string): string => `\`\`\`arch\n${text}\n\`\`\``;

const diagnosticPage = ({
  code,
  name,
  severity,
  message,
  why,
  wrong,
  right,
}: DiagnosticEntry): string =>
  [
    `# ${code} ${name}`,
    "",
    `${severity}: ${message.replace(/\{(\w+)\}/g, "‹$1›")}`,
    "",
    why,
    "",
    "Wrong:",
    "",
    fence(shorten(wrong)),
    "",
    "Right:",
    "",
    fence(right),
    "",
  ].join("\n");

/** Examples that show a limit are long by nature. */
const shorten = (text: string): string => {
  const lines = text.split("\n");
  return lines.length <= 12 ? text : [...lines.slice(0, 3), "// …", ...lines.slice(-2)].join("\n");
};

const typeOf = (key: Key): string => {
  const { type } = key;
  const limits = type.kind === "int" || type.kind === "float" ? bounds(type) : "";
  return `${showType(type)}${limits === "" ? "" : `, ${limits}`}${key.optional === true ? ", or none" : ""}`;
};

const defaultOf = (key: Key): string =>
  key.default === undefined ? "must be given" : `\`${key.default}\``;

const keyPage = (key: Key, place: string, vocabulary: Vocabulary): string => {
  const { type } = key;
  const variants =
    type.kind === "sum"
      ? vocabulary.constructors
          .filter((c) => c.of === type.name)
          .map((c) => `- \`${signature(c)}\`: ${c.doc}`)
      : type.kind === "word"
        ? type.words.map((word) => `- \`${word.name}\`: ${word.doc}`)
        : [];
  return [
    `# ${key.name}, in ${place}`,
    "",
    `${sentence(key.doc)}.`,
    "",
    `- type: ${typeOf(key)}`,
    `- default: ${defaultOf(key)}`,
    ...(key.source === undefined ? [] : [`- source: ${key.source}`]),
    ...(variants.length === 0 ? [] : ["", "One of:", "", ...variants]),
    "",
  ].join("\n");
};

/** `mha(heads, head_dim = none)`. */
const signature = ({ name, keys }: Constructor): string =>
  keys.length === 0
    ? name
    : `${name}(${keys.map((key) => (key.default === undefined ? key.name : `${key.name}: ${key.default}`)).join(", ")})`;

const constructorPage = (ctor: Constructor): string =>
  [
    `# ${ctor.name}, one form of ${ctor.of}`,
    "",
    fence(signature(ctor)),
    "",
    `${sentence(ctor.doc)}.`,
    ...(ctor.source === undefined ? [] : ["", `Source: ${ctor.source}.`]),
    ...(ctor.keys.length === 0 ? [] : ["", ...keyTable(ctor.keys)]),
    "",
  ].join("\n");

const sumPage = (sum: SumType, vocabulary: Vocabulary): string => {
  const variants = vocabulary.constructors.filter((c) => c.of === sum.name);
  const lines = variants.map((c) => `- \`${signature(c)}\`: ${c.doc}`);
  return [`# ${sum.name}`, "", `${sentence(sum.doc)}.`, "", ...lines, ""].join("\n");
};

const rulesPage = (block: RuleBlock, place: string): string =>
  [
    `# ${block.name} { … }, in ${place}`,
    "",
    `${sentence(block.doc)}.`,
    "",
    `Each line is a rule \`selector => ${block.of}\`. Without the block:`,
    "",
    fence(`${block.name} {\n${indent(block.default)}\n}`),
    ...(block.instead ?? []).flatMap((other) => [
      "",
      `With \`${other.key} = ${other.is}(…)\`:`,
      "",
      fence(`${block.name} {\n${indent(other.default)}\n}`),
    ]),
    "",
  ].join("\n");

const indent = (text: string): string =>
  text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");

/** Formulas and names of code keep their case. */
const sentence = (doc: string): string =>
  /^[a-z]+[ ,;]/.test(doc) ? doc.charAt(0).toUpperCase() + doc.slice(1) : doc;

const cell = (text: string): string => text.replaceAll("|", "\\|");

/** Key, type, default and meaning, as Markdown. */
export const keyTable = (keys: readonly Key[]): readonly string[] => [
  "| key | type | default | meaning |",
  "| --- | --- | --- | --- |",
  ...keys.map((key) => {
    const source = key.source === undefined ? "" : ` (${key.source})`;
    return `| \`${key.name}\` | ${cell(typeOf(key))} | ${cell(defaultOf(key))} | ${cell(key.doc)}${cell(source)} |`;
  }),
];

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
      lines.push(
        `### Rules of \`${block.name}\``,
        "",
        ...rulesPage(block, place).split("\n").slice(2),
      );
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
