// Values while a file is checked: like the Spec's, but each knows where it stands, where its literal was written and how it
// got there. `undefined` is the poison value: its mistake is reported already, and whatever depends on it keeps silent.
import type { Span } from "../diagnostics/types.ts";
import type { Constructor, Key, Type, Unit } from "./schema.ts";
import type { Origin, Value, Variant } from "./spec.ts";

export type How = Origin["how"];

export type Raw =
  | { readonly k: "number"; readonly value: number; readonly unit?: Unit }
  | { readonly k: "quantity"; readonly value: number; readonly unit: Unit }
  | { readonly k: "string"; readonly value: string }
  | { readonly k: "word"; readonly value: string }
  | { readonly k: "bool"; readonly value: boolean }
  | { readonly k: "none" }
  | { readonly k: "list"; readonly items: readonly Maybe[] }
  | { readonly k: "range"; readonly from: Maybe; readonly to: Maybe }
  /** A default that needs the layer, of a value that is written outside of blocks: filled where the value is used in them. */
  | { readonly k: "pending"; readonly key: Key }
  | {
      readonly k: "variant";
      readonly ctor: Constructor;
      readonly keys: ReadonlyMap<string, Maybe>;
    };

export interface Val {
  readonly raw: Raw;
  /** The expression in its place. */
  readonly at: Span;
  /** The literal, wherever it was written. */
  readonly from: Span;
  /** Of what is computed: literals that went into it and stand elsewhere, such as arguments of a template. */
  readonly by?: readonly Span[];
  readonly how: How;
}
export type Maybe = Val | undefined;

export const val = (raw: Raw, at: Span): Val => ({ raw, at, from: at, how: "written" });

const isAt = (a: Span, b: Span): boolean =>
  a.file === b.file && a.start === b.start && a.end === b.end;
/** Where the value was given, or what it was computed from, if that is not where it stands. */
export const givenAt = ({ at, from, by }: Val): readonly Span[] => {
  const inside = at.file === from.file && at.start <= from.start && from.end <= at.end;
  return by ?? (inside ? [] : [from]);
};
/** A value that these went into. */
export const computed = (value: Val, ...operands: readonly Val[]): Val => {
  const by = operands.flatMap(givenAt);
  const once = by.filter((span, i) => by.findIndex((other) => isAt(span, other)) === i);
  return once.length === 0 ? value : { ...value, by: once };
};

/** The same value, seen from another place: its literal stays where it is. */
export const moved = (value: Maybe, at: Span): Maybe => value && { ...value, at };

/** A default has no text of its own: it stands wherever the key could have been written. */
export const asDefault = (value: Maybe, at: Span): Maybe => restamp(value, { at, how: "default" });

/** The value and everything in it got here the same way. */
export const restamp = (value: Maybe, stamp: { readonly at?: Span; readonly how: How }): Maybe => {
  if (value === undefined) return undefined;
  const at = stamp.at ?? value.at;
  const again = (x: Maybe): Maybe => restamp(x, stamp);
  const { raw } = value;
  const how = value.how === "default" ? "default" : stamp.how;
  const rest = { at, from: stamp.at ?? value.from, how };
  switch (raw.k) {
    case "list":
      return { ...rest, raw: { ...raw, items: raw.items.map(again) } };
    case "range":
      return { ...rest, raw: { ...raw, from: again(raw.from), to: again(raw.to) } };
    case "variant":
      return {
        ...rest,
        raw: { ...raw, keys: new Map([...raw.keys].map(([key, x]) => [key, again(x)])) },
      };
    default:
      return { ...rest, raw };
  }
};

/** A value whose every part is sound. */
export const isWhole = (value: Maybe): value is Val => {
  if (value === undefined) return false;
  const { raw } = value;
  if (raw.k === "list") return raw.items.every(isWhole);
  if (raw.k === "range") return isWhole(raw.from) && isWhole(raw.to);
  if (raw.k === "variant") return [...raw.keys.values()].every(isWhole);
  return raw.k !== "pending";
};

/** The first default in a value that still waits for its layer. */
export const pendingIn = (
  value: Maybe,
): (Val & { readonly raw: { readonly k: "pending" } }) | undefined => {
  if (value === undefined) return undefined;
  const { raw } = value;
  if (raw.k === "pending") return { ...value, raw };
  const parts = raw.k === "list" ? raw.items : raw.k === "variant" ? [...raw.keys.values()] : [];
  for (const part of parts) {
    const found = pendingIn(part);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** As the Spec stores it; poisoned keys are left out, a poisoned item makes the list poison. */
export const toValue = (
  value: Maybe,
  path: string,
  origins: Map<string, Origin>,
): Value | undefined => {
  if (value === undefined) return undefined;
  const { raw } = value;
  if (!origins.has(path)) {
    const { at, from, how } = value;
    origins.set(path, isAt(at, from) ? { span: at, how } : { span: at, how, from });
  }
  switch (raw.k) {
    case "none":
      return null;
    case "pending":
      return undefined;
    case "quantity":
      return { unit: raw.unit, value: raw.value };
    case "list": {
      const items = raw.items.map((item, i) => toValue(item, `${path}.${i}`, origins));
      return items.every((item) => item !== undefined) ? items : undefined;
    }
    case "range": {
      const from = toValue(raw.from, `${path}.from`, origins);
      const to = toValue(raw.to, `${path}.to`, origins);
      return from === undefined || to === undefined ? undefined : { from, to };
    }
    case "variant": {
      const made: Record<string, Value> = {};
      for (const [key, x] of raw.keys) {
        const item = toValue(x, `${path}.${key}`, origins);
        if (item !== undefined) made[key] = item;
      }
      const variant: Variant = { is: raw.ctor.name, ...made };
      return variant;
    }
    default:
      return raw.value;
  }
};

const UNITS: Readonly<Record<string, readonly [Unit, number]>> = {
  step: ["step", 1],
  token: ["token", 1],
  sequence: ["sequence", 1],
  sample: ["sample", 1],
  epoch: ["epoch", 1],
  trial: ["trial", 1],
  parameter: ["parameter", 1],
  byte: ["byte", 1],
  kB: ["byte", 1e3],
  MB: ["byte", 1e6],
  GB: ["byte", 1e9],
  TB: ["byte", 1e12],
  KiB: ["byte", 1024],
  MiB: ["byte", 1024 ** 2],
  GiB: ["byte", 1024 ** 3],
  TiB: ["byte", 1024 ** 4],
  s: ["second", 1],
  min: ["second", 60],
  h: ["second", 3600],
};

/** Largest first: a size is told in the largest that leaves no fraction. */
const BYTES = Object.entries(UNITS)
  .flatMap(([word, [unit, size]]) => (unit === "byte" ? [[word, size] as const] : []))
  .sort(([, a], [, b]) => b - a);

/** Every spelling, for suggestions. */
export const unitWords: readonly string[] = [
  ...Object.keys(UNITS).flatMap((unit) => (unit.length > 3 ? [unit, `${unit}s`] : [unit])),
  "ms",
  "second",
  "seconds",
];

/** Percent are stored as fractions, bytes as bytes, times as seconds; unknown words give undefined. */
export const withUnit = (
  value: number,
  word: string,
): { readonly value: number; readonly unit: Unit } | undefined => {
  if (word === "%") return { value: value / 100, unit: "%" };
  if (word === "ms") return { value: value / 1000, unit: "second" };
  if (word === "second" || word === "seconds") return { value, unit: "second" };
  const singular = word.length > 3 && word.endsWith("s") ? word.slice(0, -1) : word;
  const known = Object.hasOwn(UNITS, singular) ? UNITS[singular] : undefined;
  return known && { value: value * known[1], unit: known[0] };
};

export const plural = (unit: Unit): string => (unit === "%" ? "%" : `${unit}s`);

/** 0.1 + 0.2 is printed as 0.3. */
export const shown = (value: number): string => String(Number(value.toPrecision(12)));

export const showNumber = (value: number, unit: Unit | undefined): string => {
  if (unit === undefined) return shown(value);
  if (unit === "%") return `${shown(value * 100)}%`;
  if (unit === "byte") {
    const [word, size] = BYTES.find(([, bytes]) => value > 0 && value % bytes === 0) ?? ["byte", 1];
    if (size > 1) return `${shown(value / size)} ${word}`;
  }
  return `${shown(value)} ${value === 1 ? unit : plural(unit)}`;
};

export const showVal = ({ raw }: Val): string => {
  switch (raw.k) {
    case "number":
    case "quantity":
      return showNumber(raw.value, raw.unit);
    case "string":
      return JSON.stringify(raw.value);
    case "word":
      return raw.value;
    case "bool":
      return String(raw.value);
    case "none":
      return "none";
    case "pending":
      return raw.key.name;
    case "list":
      return "a list";
    case "range":
      return "a range";
    case "variant":
      return `${raw.ctor.name}, ${withArticle(raw.ctor.of)}`;
  }
};

const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)!}`;
export const orList = listed;

/** Read aloud: an Attention, an Ffn, a Norm. */
export const withArticle = (name: string): string =>
  `${/^([AEIO]|Ffn)/.test(name) ? "an" : "a"} ${name}`;

/** "an integer", "a number of steps or a percentage". */
export const showType = (type: Type): string => {
  switch (type.kind) {
    case "int":
      return "an integer";
    case "float":
      return type.percent === true ? "a number or a percentage" : "a number";
    case "bool":
      return "true or false";
    case "string":
      return "a text in quotes";
    case "quantity":
      return listed([
        ...(type.units.some((u) => u !== "%")
          ? [`a number of ${listed(type.units.filter((u) => u !== "%").map(plural))}`]
          : []),
        ...(type.units.includes("%") ? ["a percentage"] : []),
      ]);
    case "sum":
      return withArticle(type.name);
    case "list":
      return type.single === true
        ? `${showType(type.of)} or a list of them`
        : `a list, each item ${showType(type.of)}`;
    case "range":
      return `a range a .. b, each end ${showType(type.of)}`;
    case "word":
      return listed(type.words.map((w) => w.name));
  }
};
