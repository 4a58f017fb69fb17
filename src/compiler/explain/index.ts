// `specc explain TOPIC`: which pages a name has. Declarations and other words of the language come first, then keys, forms and
// their arguments, at last diagnostics; a name with several meanings gets the list of them.
import { suggest } from "../../bundle/suggest.ts";
import type { DiagnosticEntry } from "../diagnostics/entry.ts";
import type { Key, Vocabulary } from "../semantics/schema.ts";
import { languagePages } from "./language.ts";
import { meantBy, squeezed } from "./meant.ts";
import {
  constructorPage,
  diagnosticPage,
  keyPage,
  methodPage,
  rulesPage,
  sentence,
  sumPage,
  type MethodWords,
  type Page,
} from "./pages.ts";

export type Explanation =
  | { readonly found: true; readonly text: string }
  | {
      readonly found: false;
      readonly suggestion?: string;
      /** Where to look instead. */
      readonly help?: readonly string[];
    };

interface Topic {
  /** The last names this page alone. */
  readonly names: readonly string[];
  readonly page: () => Page;
}

/** More pages than these are listed, and only the first is shown. */
const MOST_SHOWN = 3;

export const explain = (
  topic: string,
  vocabulary: Vocabulary,
  catalogue: readonly DiagnosticEntry[],
  methods: readonly MethodWords[] = [],
): Explanation => {
  const all = topicsOf(vocabulary, catalogue, methods);
  const wanted = plain(topic);
  const named = (same: (name: string) => boolean): readonly Topic[] =>
    all.filter(({ names }) => names.some(same));
  const exact = named((name) => name === wanted);
  const found =
    exact.length > 0 ? exact : named((name) => name.toLowerCase() === wanted.toLowerCase());
  if (found.length > 0) return { found: true, text: textOf(wanted, found) };
  const same = squeezed(wanted);
  const close = all.flatMap(({ names }) => names).find((n) => same !== "" && squeezed(n) === same);
  const meant = [
    ...(close === undefined ? [] : [close]),
    ...meantBy(topic, methods, vocabulary.otherNames),
  ];
  for (const name of meant) {
    const pages = named((known) => known === name);
    if (pages.length > 0)
      return { found: true, text: `${topic.trim()}: see ${name}.\n\n${textOf(name, pages)}` };
  }
  const suggestion = suggest(wanted, new Set(all.flatMap(({ names }) => names)));
  return suggestion === undefined ? { found: false } : { found: false, suggestion };
};

/** `4008` is SPC4008, `rope()` is rope. */
const plain = (topic: string): string => {
  const bare = topic
    .trim()
    .replaceAll("`", "")
    .replace(/\(.*\)$/s, "");
  return /^\d{4}$/.test(bare) ? `SPC${bare}` : bare;
};

interface Meaning extends Page {
  readonly name: string;
}

const textOf = (wanted: string, topics: readonly Topic[]): string => {
  const meanings = merged(topics.map(({ names, page }) => ({ name: names.at(-1)!, ...page() })));
  const shown = meanings.length <= MOST_SHOWN ? meanings : meanings.slice(0, 1);
  const list =
    meanings.length === 1
      ? []
      : [
          `${wanted} has ${meanings.length} meanings:`,
          "",
          ...meanings.map(({ name, title }) =>
            shown.length === meanings.length || name === wanted
              ? `- ${title}`
              : `- ${title}: specc explain ${name}`,
          ),
          "",
        ];
  return [...list, ...shown.flatMap(({ title, lines }) => [`# ${title}`, "", ...lines, ""])].join(
    "\n",
  );
};

/** `head_dim` means the same in mha, gqa and mqa. */
const merged = (meanings: readonly Meaning[]): readonly Meaning[] => {
  const byText = new Map<string, Meaning>();
  for (const one of meanings) {
    const key = one.lines.join("\n");
    const known = byText.get(key);
    const place = /, (?:in|one form of|a word of) (.*)$/.exec(one.title)?.[1];
    if (known === undefined) byText.set(key, one);
    else if (place !== undefined && !known.title.endsWith(place))
      byText.set(key, { ...known, title: `${known.title}, ${place}` });
  }
  return [...byText.values()];
};

/** Everything that has a page, in the order of the tables. */
export const topics = (
  vocabulary: Vocabulary,
  catalogue: readonly DiagnosticEntry[],
): readonly string[] => [
  ...new Set(topicsOf(vocabulary, catalogue, []).flatMap(({ names }) => names)),
];

const topicsOf = (
  vocabulary: Vocabulary,
  catalogue: readonly DiagnosticEntry[],
  methods: readonly MethodWords[],
): readonly Topic[] => {
  const places = Object.entries(vocabulary.keys);
  /** Keys that hold a form of the type: `optimizer` for an Optimizer. */
  const holders = (sum: string): readonly string[] =>
    places.flatMap(([, keys]) =>
      keys.filter(({ type }) => type.kind === "sum" && type.name === sum).map(({ name }) => name),
    );
  return [
    ...languagePages.map(({ names, page }) => ({ names, page: () => page(vocabulary) })),
    ...places.flatMap(([place, keys]) =>
      keys.map((key) => ({
        names: [key.name, `${place}.${key.name}`],
        page: () => keyPage(key, place, vocabulary),
      })),
    ),
    ...Object.entries(vocabulary.rules).flatMap(([place, blocks]) =>
      blocks.map((block) => ({
        names: [block.name, `${place}.${block.name}`],
        page: () => rulesPage(block, place),
      })),
    ),
    ...vocabulary.sums.map((sum) => ({
      names: [sum.name],
      page: () => sumPage(sum, vocabulary),
    })),
    ...methods
      .filter(({ name }) => vocabulary.constructors.every((ctor) => ctor.name !== name))
      .map((method) => ({ names: [method.name], page: () => methodPage(method) })),
    ...vocabulary.constructors.map((ctor) => ({
      names: [ctor.name, `${ctor.of}.${ctor.name}`],
      page: () => constructorPage(ctor),
    })),
    ...vocabulary.constructors.flatMap((ctor) =>
      ctor.keys.map((key) => ({
        names: [
          key.name,
          ...holders(ctor.of).map((holder) => `${holder}.${key.name}`),
          `${ctor.name}.${key.name}`,
        ],
        page: () => keyPage(key, `${ctor.name}(…)`, vocabulary),
      })),
    ),
    ...places.flatMap(([place, keys]) => keys.flatMap((key) => wordsOf(key, place, place))),
    ...vocabulary.constructors.flatMap((ctor) =>
      ctor.keys.flatMap((key) => wordsOf(key, ctor.name, `${ctor.name}(…)`)),
    ),
    ...vocabulary.words.map((word) => ({ names: [word], page: () => classPage(word) })),
    ...catalogue.map((entry) => ({
      names: [entry.name, entry.code],
      page: () => diagnosticPage(entry),
    })),
  ];
};

/** `silu`, a word of gate in gpas(…). */
const wordsOf = ({ name, type }: Key, owner: string, place: string): readonly Topic[] =>
  type.kind !== "word"
    ? []
    : type.words.map((word) => ({
        names: [word.name, `${owner}.${name}.${word.name}`],
        page: () => ({
          title: `${word.name}, a word of ${name} in ${place}`,
          lines: [`${sentence(word.doc)}.`],
        }),
      }));

const classPage = (word: string): Page => ({
  title: `${word}, a class in selectors`,
  lines: [
    `Left of \`=>\`, takes every parameter whose path has the segment \`${word}\`${word === "norm" ? " or one that ends in `_norm`" : ""}. It may match nothing.`,
  ],
});
