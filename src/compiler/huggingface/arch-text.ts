// A model as an `.arch` file that people read: the same for all layers said once, and what differs between layers as a rule of
// the layer's number where there is one. The text is laid out by the formatter afterwards.
import { isVariant } from "../semantics/spec-values.ts";
import type { Value, Variant } from "../semantics/spec.ts";
import { vocabulary } from "../words.ts";

type Keys = Readonly<Record<string, Value | undefined>>;
export interface ArchModel {
  readonly name: string;
  /** Lines of documentation above the model. */
  readonly doc: readonly string[];
  readonly keys: Keys;
  /** One for each layer. */
  readonly blocks: readonly Keys[];
}

/** 32000 -> 32_000, 0.000001 -> 1e-6, 48.49742261192856 -> sqrt(2352): only where the text means the same number. */
export const numberText = (x: number): string => {
  if (Number.isInteger(x) && Math.abs(x) < 1e15)
    return Math.abs(x) < 10_000 ? String(x) : String(x).replaceAll(/\B(?=(\d{3})+$)/g, "_");
  const plain = String(x);
  const short = x.toExponential().replace("e+", "e");
  if (plain.length > 10 && x > 0) {
    const [square, inverse] = [Math.round(x * x), Math.round(1 / (x * x))];
    if (Math.sqrt(square) === x) return `sqrt(${numberText(square)})`;
    if (1 / Math.sqrt(inverse) === x) return `1 / sqrt(${numberText(inverse)})`;
  }
  return plain.includes("e") || short.length + 2 < plain.length ? short : plain;
};

/** `pre(rmsnorm())`: a constructor alone in another needs no name where it would stand first anyway. */
const callText = (is: string, args: readonly (readonly [key: string, text: string])[]): string => {
  const [only, second] = args;
  const first = vocabulary.constructors.find(({ name }) => name === is)?.keys[0];
  return second === undefined && only?.[0] === first?.name && first?.type.kind === "sum"
    ? `${is}(${only?.[1] ?? ""})`
    : `${is}(${args.map(([key, text]) => `${key}: ${text}`).join(", ")})`;
};
const argsOf = (variant: Variant): readonly (readonly [string, Value])[] =>
  Object.entries(variant).filter(([key]) => key !== "is");

/** Texts are words of the language: `tanh`. */
const valueText = (value: Value): string => {
  if (value === null) return "none";
  if (typeof value === "number") return numberText(value);
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map(valueText).join(", ")}]`;
  if (isVariant(value))
    return callText(
      value.is,
      argsOf(value).map(([key, inner]) => [key, valueText(inner)]),
    );
  throw new TypeError(`${JSON.stringify(value)} has no place in a model`);
};

const same = (a: Value | undefined, b: Value | undefined): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

/** A value for each layer as one expression in `l`. */
export const layersText = (values: readonly Value[]): string => {
  const [first] = values;
  if (first === undefined) return "none";
  if (values.every((value) => same(value, first))) return valueText(first);
  if (!values.every(isVariant) || !isVariant(first) || !values.every(({ is }) => is === first.is))
    return choiceText(values);
  const keys = [...new Set(values.flatMap((value) => Object.keys(value)))];
  const given = keys.filter((key) => values.every((value) => value[key] !== undefined));
  // A key that only some layers have: the whole constructor is chosen, unless `none` says the same.
  if (given.length < keys.length) return choiceText(values);
  const differing = keys.filter((key) => !values.every((value) => same(value[key], first[key])));
  // Where most keys change together, whole constructors read better than a choice for each key.
  if (differing.length > 1 && 2 * differing.length >= keys.length) return choiceText(values);
  return callText(
    first.is,
    keys.flatMap((key) =>
      key === "is" ? [] : [[key, layersText(values.map((value) => value[key]!))] as const],
    ),
  );
};

/** `if` by the first layers, by every nth layer, or by stretches of layers. */
const choiceText = (values: readonly Value[]): string => {
  const texts = values.map(valueText);
  const first = texts[0]!;
  const change = texts.findIndex((text) => text !== first);
  const second = texts[change]!;
  if (texts.slice(change).every((text) => text === second))
    return `if l <= ${change} then ${first} else ${second}`;
  if (texts.every((text) => text === first || text === second))
    for (const [one, other] of [
      [second, first],
      [first, second],
    ] as const) {
      const period = periodOf(texts.map((text) => text === one));
      if (period !== undefined)
        return `if mod(l, ${period.every}) == ${period.rest} then ${one} else ${other}`;
    }
  return stretchesText(texts, 0);
};
/** Layers from 1; the pattern must be seen twice. */
const periodOf = (
  special: readonly boolean[],
): { readonly every: number; readonly rest: number } | undefined => {
  const start = special.indexOf(true) + 1;
  for (let every = 2; every <= special.length / 2; every += 1) {
    const rest = start % every;
    if (special.every((is, i) => is === ((i + 1) % every === rest))) return { every, rest };
  }
  return undefined;
};
const stretchesText = (texts: readonly string[], from: number): string => {
  const end = texts.findIndex((text, i) => i > from && text !== texts[from]);
  return end < 0
    ? texts[from]!
    : `if l <= ${end} then ${texts[from]!} else ${stretchesText(texts, end)}`;
};

export const archText = ({ name, doc, keys, blocks }: ArchModel): string => {
  const lines = (all: Keys): string =>
    Object.entries(all)
      .flatMap(([key, value]) => (value === undefined ? [] : [`${key} = ${valueText(value)}`]))
      .join("\n");
  const { final_norm, head, ...before } = keys;
  const names = [...new Set(blocks.flatMap((block) => Object.keys(block)))];
  const inner = names.flatMap((key) => {
    const values = blocks.map((block) => block[key] ?? null);
    return blocks.every((block) => block[key] === undefined)
      ? []
      : [`${key} = ${layersText(values)}`];
  });
  return `${doc.map((line) => `/// ${line}\n`).join("")}export model ${name} {
${lines(before)}

blocks ${blocks.length} {
${inner.join("\n")}
}
${lines({ final_norm, head })}
}
`;
};
