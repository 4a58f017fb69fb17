// Constructors as source text by the examples of their keys, for a model of 4 blocks of width 32: what relations, docs and tests of
// combinations are made of. Nothing here knows a method.
import type { Constructor, Type } from "./semantics/schema.ts";
import { vocabulary } from "./words.ts";

/** A value as it will be written: its arguments by key; required ones that are left out stand for their examples. */
export interface Value {
  readonly ctor: Constructor;
  readonly args: ReadonlyMap<string, Value | string>;
}
export const plain = (ctor: Constructor): Value => ({ ctor, args: new Map() });

export const written = ({ ctor, args }: Value): string => {
  const shown = ctor.keys.flatMap((key) => {
    const arg = args.get(key.name);
    if (arg === undefined)
      return key.default === undefined ? [`${key.name}: ${key.example ?? "?"}`] : [];
    return [`${key.name}: ${typeof arg === "string" ? arg : written(arg)}`];
  });
  return `${ctor.name}(${shown.join(", ")})`;
};

/** A constructor with each other word or switch that it has, and with each example of a number that it does without. */
export const choices = (ctor: Constructor): readonly Value[] =>
  ctor.keys.flatMap(({ name, type, default: standard, example }): readonly Value[] => {
    const others =
      type.kind === "word"
        ? type.words.map((w) => w.name).filter((w) => w !== standard)
        : type.kind === "bool"
          ? ["true", "false"].filter((w) => w !== standard)
          : standard !== undefined && example !== undefined
            ? [example]
            : [];
    return others.map((word) => ({ ctor, args: new Map([[name, word]]) }));
  });

const heldBy = (type: Type): string | undefined =>
  type.kind === "sum" ? type.name : type.kind === "list" ? heldBy(type.of) : undefined;

/**
 * A constructor with each other form of what it holds: `pre(norm: layernorm())`, and of what that holds in turn; but for how
 * parameters start, which changes no formula.
 */
export const contents = (ctor: Constructor): readonly Value[] => within(ctor, [ctor.of]);
const within = (ctor: Constructor, outer: readonly string[]): readonly Value[] =>
  ctor.keys.flatMap(({ name, type, default: standard }): readonly Value[] => {
    const sum = heldBy(type);
    if (sum === undefined || sum === "Init" || outer.includes(sum)) return [];
    return vocabulary.constructors
      .filter((c) => c.of === sum)
      .flatMap((c) => [
        ...(`${c.name}()` === standard ? [] : [plain(c)]),
        ...within(c, [...outer, sum]),
      ])
      .map((value) => ({ ctor, args: new Map([[name, value]]) }));
  });
