// Small models put together from the vocabulary: every constructor that a key of models or blocks takes, by the examples of its
// keys. A new constructor is in them by being registered.
import { analyzeText, type CheckResult } from "../../src/compiler/analyze.ts";
import type { Diagnostic } from "../../src/compiler/diagnostics/types.ts";
import { contents, choices, plain, written, type Value } from "../../src/compiler/examples.ts";
import { decoderKind, imageKind, type ModelKind } from "../../src/compiler/semantics/kinds.ts";
import type { Key } from "../../src/compiler/semantics/schema.ts";
import { vocabulary as words } from "../../src/compiler/words.ts";

/** What a key may hold. */
export interface Part {
  readonly key: string;
  /** As source text. */
  readonly text: string;
  /** The constructor that it is a setting of; "none" where the key holds nothing. */
  readonly ctor: string;
}
export interface Axis {
  readonly key: string;
  readonly place: "model" | "blocks";
  /** One for each constructor, and none where the key may be empty. */
  readonly plain: readonly Part[];
  /** Constructors with another word, switch or content than by default. */
  readonly settings: readonly Part[];
}

const axis = (place: Axis["place"], { name, type, optional }: Key): readonly Axis[] => {
  // `input` decides the kind of the model, and with it which keys there are
  if (type.kind !== "sum" || name === "input" || type.name === "Init") return [];
  const part = (value: Value): Part => ({
    key: name,
    text: written(value),
    ctor: value.ctor.name,
  });
  const constructors = words.constructors.filter(({ of }) => of === type.name);
  const none: readonly Part[] =
    optional === true ? [{ key: name, text: "none", ctor: "none" }] : [];
  return [
    {
      key: name,
      place,
      plain: [...none, ...constructors.map((c) => part(plain(c)))],
      settings: constructors.flatMap((c) => [...choices(c), ...contents(c)].map(part)),
    },
  ];
};

/** Each way to take one of each list. */
export const product = <T>(lists: readonly (readonly T[])[]): readonly (readonly T[])[] =>
  lists.reduce<readonly (readonly T[])[]>(
    (all, list) => all.flatMap((taken) => list.map((x) => [...taken, x])),
    [[]],
  );
export const labelOf = (parts: readonly Part[]): string =>
  parts.map(({ text }) => text).join(" · ");

export const check = (text: string): CheckResult => analyzeText("small.arch", text);

/** Models that read one thing. */
export interface World {
  readonly axes: readonly Axis[];
  readonly axisOf: (key: string) => Axis;
  /** A model of these parts, the rest as the small model has it. */
  readonly textOf: (parts: readonly Part[]) => string;
  /** What the checker has against it. */
  readonly errorsOf: (parts: readonly Part[]) => readonly Diagnostic[];
  /** Those of these parts that the checker refuses in a model that has only the two. */
  readonly refusedPairs: (parts: readonly Part[]) => readonly (readonly [Part, Part])[];
}
/**
 * @param sizes lines of the model
 * @param base what keys hold that must be given
 */
const worldOf = (kind: ModelKind, sizes: string, base: Readonly<Record<string, string>>): World => {
  const axes = (["blocks", "model"] as const).flatMap((place) =>
    (words.keys[kind[place]] ?? []).flatMap((key) => axis(place, key)),
  );
  const textOf: World["textOf"] = (parts) => {
    const given = new Map(parts.map(({ key, text }) => [key, text]));
    const lines = (place: Axis["place"]): string =>
      axes
        .filter((a) => a.place === place)
        .flatMap(({ key }) => {
          const text = given.get(key) ?? base[key];
          return text === undefined ? [] : [`${key} = ${text}`];
        })
        .join("\n");
    // the fewest blocks that differ
    return `model Small {\n${sizes}\n${lines("model")}\nblocks 2 {\n${lines("blocks")}\n}\n}`;
  };
  const errorsOf: World["errorsOf"] = (parts) =>
    check(textOf(parts)).diagnostics.filter(({ severity }) => severity === "error");
  return {
    axes,
    textOf,
    errorsOf,
    axisOf: (key) => {
      const found = axes.find((a) => a.key === key);
      if (found === undefined) throw new Error(`no key ${key}`);
      return found;
    },
    refusedPairs: (parts) =>
      parts
        .flatMap((a, i) => parts.slice(i + 1).map((b) => [a, b] as const))
        .filter((pair) => errorsOf(pair).length > 0),
  };
};

export const VOCABULARY = 7;
/** As wide as the examples of keys are for. */
const decodersOf = (vocabulary: number): World =>
  worldOf(decoderKind, `vocab_size = ${vocabulary}\nhidden_size = 32\ncontext = 64`, {
    norm: "pre()",
    attention: "mha(heads: 4)",
    ffn: "swiglu(intermediate: 64)",
  });
export const decoders = decodersOf(VOCABULARY);
/** With a token for each byte: for recipes. */
export const decodersOfBytes = decodersOf(256);
export const images = worldOf(imageKind, "input = image(6, 6, 2)", {
  stem: "conv(8)",
  unit: "wide_basic(8)",
  head: "classifier(10)",
});
