// docs/features/: a page for each method, made of its README, its words, its complaints and its relations to the others; and the
// table of all pairs. A new feature is on them by being in the list.
import { keyTable, neutralText } from "./explain/pages.ts";
import type { Feature } from "./features/feature.ts";
import { features } from "./features/index.ts";
import { ownWords } from "./features/own-words.ts";
import { remarksOf } from "./relation-page.ts";
import { relationOf, verdictOf, type Relation } from "./relations.ts";
import type { Constructor } from "./semantics/schema.ts";
import { baseVocabulary } from "./semantics/vocabulary/index.ts";

/** A whole page; its path is from the root of the project. */
export interface GeneratedPage {
  readonly path: string;
  /** The page that it begins with. */
  readonly after?: string;
  readonly text: string;
}

interface Word {
  readonly ctor: Constructor;
  /** Its page, seen from the table. */
  readonly page: string;
}
/** Every placement is there, so that each method says what it does under it. */
const words: readonly Word[] = [
  ...baseVocabulary.constructors
    .filter(({ of }) => of === "NormPlacement")
    .map((ctor) => ({ ctor, page: "../language.md#normplacement" })),
  ...features.flatMap((feature) =>
    ownWords(feature).map((ctor) => ({ ctor, page: `${feature.name}.md` })),
  ),
];

/** Each pair is asked about once. */
const asked = new Map<string, Relation>();
const relation = (a: Constructor, b: Constructor): Relation => {
  const [first, second] =
    words.findIndex((w) => w.ctor === a) < words.findIndex((w) => w.ctor === b) ? [a, b] : [b, a];
  const key = `${first.of}.${first.name} ${second.of}.${second.name}`;
  const known = asked.get(key) ?? relationOf(first, second);
  asked.set(key, known);
  return known;
};

const MARKS: Readonly<Record<ReturnType<typeof verdictOf>, string>> = {
  yes: "✓",
  "with exceptions": "(✓)",
  no: "✗",
  "in turn": "or",
  "one of them": "one",
  apart: "–",
};

const matrix = (): string => {
  const names = words.map(({ ctor }) => ctor.name);
  const rows = words.slice(1).map(({ ctor, page }, n) => {
    const i = n + 1;
    const cells = words.map((other, j) =>
      i <= j ? "" : MARKS[verdictOf(relation(other.ctor, ctor))],
    );
    return `| [\`${ctor.name}\`](${page}) | ${cells.slice(0, -1).join(" | ")} |`;
  });
  const exceptions = words.flatMap(({ ctor }, i) =>
    words
      .slice(0, i)
      .flatMap((other) =>
        remarksOf(relation(other.ctor, ctor)).map(
          (text) => `- \`${other.ctor.name}\` and \`${ctor.name}\`: ${text}`,
        ),
      ),
  );
  return [
    `|  | ${names
      .slice(0, -1)
      .map((name) => `\`${name}\``)
      .join(" | ")} |`,
    `| --- |${names
      .slice(0, -1)
      .map(() => " :-: |")
      .join("")}`,
    ...rows,
    "",
    ...exceptions,
  ].join("\n");
};

const index = (): GeneratedPage => ({
  path: "docs/features/README.md",
  text: [
    "# Methods",
    "",
    "One folder of `src/compiler/features/` each. Pages and table are made from what the compiler checks (`npm run docs`);",
    "`specc explain A with B` prints the relation of any two constructors.",
    "",
    ...features.map((feature) => {
      const { name, paper } = feature;
      const own = ownWords(feature).map((ctor) => `\`${ctor.name}\``);
      return `- [${name}](${name}.md): ${paper.title}, arXiv ${paper.arxiv} (${own.join(", ")})`;
    }),
    "",
    "## Together in one model",
    "",
    "✓ together; (✓) together, with the exceptions below; ✗ refused; or: a block has one of them, layers may differ; one: a model has",
    "one of them.",
    "",
    matrix(),
  ].join("\n"),
});
const wordsOf = ({ vocabulary: { constructors = [], keys = {} } }: Feature): readonly string[] => [
  ...constructors.flatMap((ctor) => [
    `**\`${ctor.name}\`**, one form of ${ctor.of}: ${ctor.doc}.`,
    "",
    ...neutralText(ctor).flatMap((text) => [text, ""]),
    ...(ctor.keys.length === 0 ? [] : [...keyTable(ctor.keys), ""]),
  ]),
  ...Object.entries(keys).flatMap(([place, own]) => [`In \`${place}\`:`, "", ...keyTable(own), ""]),
];

const complaintsOf = ({ vocabulary: { diagnostics = [] } }: Feature): readonly string[] =>
  diagnostics.map(
    ({ code, severity, message, why }) =>
      `- ${severity} ${code}, ${message.replace(/\{(\w+)\}/g, "‹$1›")}: ${why}`,
  );

const relationsOf = (feature: Feature): readonly string[] =>
  ownWords(feature).flatMap((ctor) => {
    const others = words.filter((w) => w.ctor !== ctor);
    const by = (verdict: ReturnType<typeof verdictOf>): string =>
      others
        .filter((w) => verdictOf(relation(w.ctor, ctor)) === verdict)
        .map((w) => `\`${w.ctor.name}\``)
        .join(", ");
    const line = (label: string, names: string): readonly string[] =>
      names === "" ? [] : [`- ${label} ${names}`];
    return [
      `\`${ctor.name}\` goes`,
      "",
      ...line("together with", by("yes")),
      ...others
        .filter((w) => verdictOf(relation(w.ctor, ctor)) === "with exceptions")
        .map(
          (w) =>
            `- together with \`${w.ctor.name}\`, but ${remarksOf(relation(w.ctor, ctor)).join("; ")}`,
        ),
      ...line("in other layers than", by("in turn")),
      ...line("in other models than", by("one of them")),
      ...line("in models that read other things than", by("apart")),
      ...others
        .filter((w) => verdictOf(relation(w.ctor, ctor)) === "no")
        .map(
          (w) => `- not with \`${w.ctor.name}\`: ${remarksOf(relation(w.ctor, ctor)).join("; ")}`,
        ),
      "",
    ];
  });

const pageOf = (feature: Feature): GeneratedPage => {
  const complaints = complaintsOf(feature);
  const relations = relationsOf(feature);
  return {
    path: `docs/features/${feature.name}.md`,
    after: `src/compiler/features/${feature.name}/README.md`,
    text: [
      "## Words",
      "",
      ...wordsOf(feature),
      ...(complaints.length === 0 ? [] : ["## Complaints", "", ...complaints, ""]),
      ...(relations.length === 0 ? [] : ["## With other methods", "", ...relations]),
    ].join("\n"),
  };
};

export const featurePages = (): readonly GeneratedPage[] => [index(), ...features.map(pageOf)];
