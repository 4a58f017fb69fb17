// The page of each thing that has a name: a diagnostic, a key, a constructor, a sum type, a block of rules. Made from the tables
// that the checker reads.
import type { DiagnosticEntry } from "../diagnostics/entry.ts";
import type { Constructor, Key, RuleBlock, SumType, Vocabulary } from "../semantics/schema.ts";
import { bounds } from "../semantics/conform.ts";
import { showType } from "../semantics/values.ts";

/** What stands in the first line, and what below it: pages that differ in the first line alone are shown as one. */
export interface Page {
  readonly title: string;
  readonly lines: readonly string[];
}

export const fence = (text: string): string => `\`\`\`arch\n${text}\n\`\`\``;

export const diagnosticPage = (entry: DiagnosticEntry): Page => ({
  title: `${entry.code} ${entry.name}`,
  lines: [
    `${entry.severity}: ${entry.message.replace(/\{(\w+)\}/g, "‹$1›")}`,
    "",
    entry.why,
    "",
    "Wrong:",
    "",
    fence(shorten(entry.wrong)),
    "",
    "Right:",
    "",
    fence(shorten(entry.right)),
  ],
});

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

/** A method by its name, where that is none of its words. */
export interface MethodWords {
  readonly name: string;
  readonly paper: { readonly title: string; readonly arxiv: string };
  readonly words: readonly Constructor[];
}
export const methodPage = ({ name, paper, words }: MethodWords): Page => ({
  title: `${name}, a method`,
  lines: [`${paper.title}, arXiv ${paper.arxiv}.`, "", ...words.map(bullet)],
});

/** A key of a body: of `model`, `blocks`, `recipe`; or an argument of a constructor. */
export const keyPage = (key: Key, place: string, vocabulary: Vocabulary): Page => {
  const { type } = key;
  const variants =
    type.kind === "sum"
      ? vocabulary.constructors.filter((c) => c.of === type.name).map(bullet)
      : type.kind === "word"
        ? type.words.map((word) => `- \`${word.name}\`: ${word.doc}`)
        : [];
  return {
    title: `${key.name}, in ${place}`,
    lines: [
      `${sentence(key.doc)}.`,
      "",
      `- type: ${typeOf(key)}`,
      `- default: ${defaultOf(key)}`,
      ...(key.source === undefined ? [] : [`- source: ${key.source}`]),
      ...(variants.length === 0 ? [] : ["", "One of:", "", ...variants]),
    ],
  };
};

const bullet = (ctor: Constructor): string => `- \`${signature(ctor)}\`: ${ctor.doc}`;

/** `mha(heads, head_dim = none)`. */
const signature = ({ name, keys }: Constructor): string =>
  keys.length === 0
    ? name
    : `${name}(${keys.map((key) => (key.default === undefined ? key.name : `${key.name}: ${key.default}`)).join(", ")})`;

export const constructorPage = (ctor: Constructor): Page => ({
  title: `${ctor.name}, one form of ${ctor.of}`,
  lines: [
    fence(signature(ctor)),
    "",
    `${sentence(ctor.doc)}.`,
    ...(ctor.source === undefined ? [] : ["", `Source: ${ctor.source}.`]),
    ...neutralText(ctor).flatMap((text) => ["", text]),
    ...(ctor.keys.length === 0 ? [] : ["", ...keyTable(ctor.keys)]),
  ],
});

/** Settings that make it another value, each a sentence. */
export const neutralText = ({ neutral = [] }: Constructor): readonly string[] =>
  neutral.map((claim) => `Before training \`${claim.with}\` computes what \`${claim.is}\` does.`);

export const sumPage = (sum: SumType, { constructors }: Vocabulary): Page => ({
  title: `${sum.name}, a type`,
  lines: [
    `${sentence(sum.doc)}.`,
    "",
    ...constructors.filter((c) => c.of === sum.name).map(bullet),
  ],
});

export const rulesPage = (block: RuleBlock, place: string): Page => ({
  title: `${block.name} { … }, in ${place}`,
  lines: [
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
  ],
});

const indent = (text: string): string =>
  text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");

/** Formulas and names of code keep their case. */
export const sentence = (doc: string): string =>
  /^(a|[a-z]{2,})[ ,;]/.test(doc) ? doc.charAt(0).toUpperCase() + doc.slice(1) : doc;

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
