// A `--set` that nothing in the file answers to: the path that was probably meant, from the tables.
import { suggest } from "../../bundle/suggest.ts";
import { modelKinds } from "./kinds.ts";
import { calledElsewhere } from "./other-names.ts";
import type { Key, Vocabulary } from "./schema.ts";
import { orList } from "./values.ts";

/** By the file itself. */
export interface Declared {
  readonly names: readonly string[];
  readonly parameters: readonly string[];
}
interface Help {
  readonly help: readonly string[];
}

/** "optimizer.lr", and the constructor whose argument it is. */
interface Settable {
  readonly path: string;
  readonly of?: string;
}
/** Arguments of arguments: blocks.attention.position.theta. */
const DEEPEST = 3;

const below = (path: string, { type }: Key, depth: number, vocabulary: Vocabulary): Settable[] =>
  type.kind !== "sum" || depth === DEEPEST
    ? []
    : vocabulary.constructors
        .filter(({ of }) => of === type.name)
        .flatMap(({ name, keys }) =>
          keys.flatMap((key) => {
            const inner = `${path}.${key.name}`;
            return [{ path: inner, of: name }, ...below(inner, key, depth + 1, vocabulary)];
          }),
        );

const settables = (vocabulary: Vocabulary): readonly Settable[] => {
  const places = [
    ["recipe", ""],
    ...modelKinds.flatMap(({ model, blocks }) => [
      [model, ""] as const,
      [blocks, "blocks."] as const,
    ]),
  ] as const;
  return places.flatMap(([place, prefix]) =>
    (vocabulary.keys[place] ?? []).flatMap((key) => {
      const path = prefix + key.name;
      return [{ path }, ...below(path, key, 0, vocabulary)];
    }),
  );
};

const quoted = (paths: readonly string[]): string =>
  `did you mean ${orList(paths.map((path) => `\`${path}\``))}?`;

/** Paths that end in the word, of those with most other words of the key. */
const endingIn = (
  words: readonly string[],
  known: readonly Settable[],
  vocabulary: Vocabulary,
): readonly string[] => {
  const last = words.at(-1) ?? "";
  const ends = (path: string): string => path.slice(path.lastIndexOf(".") + 1);
  const called = calledElsewhere(
    last,
    known.map(({ path }) => ends(path)),
    vocabulary.otherNames,
  );
  const found = [...new Set(known.map(({ path }) => path))].filter((path) =>
    [last, called].includes(ends(path)),
  );
  const shared = (path: string): number =>
    path.split(".").filter((word) => words.includes(word)).length;
  const most = Math.max(...found.map(shared));
  return found.filter((path) => shared(path) === most);
};

export const setHelp = (key: string, declared: Declared, vocabulary: Vocabulary): Help => {
  const all = key.split(".");
  const owner = declared.names.includes(all[0] ?? "") ? `${all[0] ?? ""}.` : "";
  const words = owner === "" ? all : all.slice(1);
  const [head = ""] = words;
  if (vocabulary.rules["recipe"]?.some(({ name }) => name === head) === true)
    return { help: [`the rules of ${head} cannot be set from outside: write them in the recipe`] };
  if (
    (calledElsewhere(head, ["blocks"], vocabulary.otherNames) ?? head) === "blocks" &&
    words.length === 1
  )
    return {
      help: [
        "the number of blocks is set by a parameter: model M(layers: int = 4) { blocks layers { … } }",
      ],
    };
  const known = settables(vocabulary);
  const same = known.filter(({ path }) => path === words.join("."));
  if (same.length > 0) {
    const takers = [...new Set(same.flatMap(({ of }) => of ?? []))];
    const told =
      takers.length === 0
        ? "no model or recipe of this file has that key"
        : `${words.at(-1) ?? ""} is an argument of ${orList(takers)}, which the file does not use there`;
    return { help: [told] };
  }
  const tops = [...declared.parameters, ...declared.names, ...known.map(({ path }) => path)];
  const found = endingIn(words, known, vocabulary);
  if (found.length > 0 && found.length <= 3)
    return { help: [quoted(found.map((path) => owner + path))] };
  const near = suggest(words.join("."), tops);
  return {
    help: [
      near === undefined
        ? "name a parameter, a key, or a path such as optimizer.lr"
        : quoted([owner + near]),
    ],
  };
};
