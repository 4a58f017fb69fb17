// The rows of a training by what they tell: each family is one quantity at several places of the model, a curve for each.
// "probes/<quantity>/<place>", "metrics/<place>.<quantity>" and "metrics/heads/<i>/<quantity>" are families; the places come in the order of the data.
import { branchOf, partMeasure, singular } from "../../bundle/branches.ts";
import type { Row } from "../train/metrics.ts";
import type { Points } from "./chart.ts";

export interface Curve {
  /** "blocks.3.ffn" */
  readonly place: string;
  readonly points: Points;
}
export interface Family {
  /** "activation_variance", "load". */
  readonly quantity: string;
  /** Of lists the largest number, as a multiple of their mean. */
  readonly curves: readonly Curve[];
  /** Where the quantity is a list: the last one of each place. */
  readonly lists: readonly { readonly place: string; readonly values: readonly number[] }[];
}

/** Every name that a row has, in the order in which they come up. */
export const keysOf = (rows: readonly Row[]): readonly string[] => {
  const keys = new Set<string>();
  for (const row of rows) for (const key of Object.keys(row)) keys.add(key);
  return [...keys];
};

export const pointsOf = (rows: readonly Row[], key: string): Points =>
  rows.flatMap((row) => {
    const { step, [key]: value } = row;
    return typeof step === "number" && typeof value === "number" ? [[step, value] as const] : [];
  });

const listOf = (value: Row[string] | undefined): readonly number[] | undefined => {
  if (!Array.isArray(value)) return undefined;
  const numbers = value.filter((x): x is number => typeof x === "number");
  return numbers.length === 0 ? undefined : numbers;
};
/** 1 where all are alike. */
const unevenness = (values: readonly number[]): number =>
  Math.max(...values) / (values.reduce((sum, x) => sum + x, 0) / values.length);

const curveOf = (rows: readonly Row[], key: string): Points =>
  rows.flatMap(({ step, [key]: value }) => {
    if (typeof step !== "number") return [];
    if (typeof value === "number") return [[step, value] as const];
    const list = listOf(value);
    const uneven = list && unevenness(list);
    return uneven !== undefined && Number.isFinite(uneven) ? [[step, uneven] as const] : [];
  });

/** What the name of a metric says: its quantity and its place. */
export const readName = (name: string): readonly [quantity: string, place: string] | undefined => {
  const [, kind, rest = ""] = /^(probes|metrics)\/(.+)$/.exec(name) ?? [];
  if (kind === undefined) return undefined;
  const part = partMeasure(rest);
  if (part !== undefined)
    return [`${part.measure}_of_${part.word}`, `${singular(part.word)} ${part.index}`];
  const cut =
    kind === "probes" ? rest.indexOf("/") : Math.max(rest.lastIndexOf("."), rest.lastIndexOf("/"));
  if (cut < 0) return [rest, ""];
  const [before, after] = [rest.slice(0, cut), rest.slice(cut + 1)];
  return kind === "probes" ? [before, after] : [after, before];
};

/** What all places end with says nothing: "blocks.0.gpas.gate", "blocks.1.gpas.gate" -> "blocks.0", "blocks.1". */
const withoutCommonEnd = (places: readonly string[]): readonly string[] => {
  const parts = places.map((place) => place.split("."));
  if (places.length < 2) return places;
  let cut = 0;
  for (;;) {
    const end = parts[0]!.at(-1 - cut);
    if (
      end === undefined ||
      /^\d+$/.test(end) ||
      !parts.every((p) => p.length > cut + 1 && p.at(-1 - cut) === end)
    )
      break;
    cut++;
  }
  return parts.map((p) => p.slice(0, p.length - cut).join("."));
};

export const familiesOf = (rows: readonly Row[]): readonly Family[] => {
  const names = new Map<string, { readonly key: string; readonly place: string }[]>();
  for (const key of keysOf(rows)) {
    const [quantity, place] = readName(key) ?? [];
    if (quantity === undefined || place === undefined) continue;
    names.set(quantity, [...(names.get(quantity) ?? []), { key, place }]);
  }
  return [...names].map(([quantity, members]) => {
    const places = withoutCommonEnd(members.map((m) => m.place));
    return {
      quantity,
      curves: members.map(({ key }, i) => ({ place: places[i]!, points: curveOf(rows, key) })),
      lists: members.flatMap(({ key }, i) => {
        const values = rows
          .flatMap(({ [key]: value }) => [listOf(value) ?? []])
          .filter((list) => list.length > 0)
          .at(-1);
        return values === undefined ? [] : [{ place: places[i]!, values }];
      }),
    };
  });
};

/** Where a place of another family belongs in a list of places: inside of a block before its end, else behind `before`. */
const indexFor = (listed: readonly string[], place: string, before: string | undefined): number => {
  const around = listed.findIndex((other) => place.startsWith(`${other}.`));
  if (around >= 0) return around;
  const inside = listed.findLastIndex((other) => other.startsWith(`${place}.`));
  return 1 + (inside >= 0 || before === undefined ? inside : listed.indexOf(before));
};
/** The places of several families in the order of the data, as far as each knows it. */
export const placesOf = (families: readonly Family[]): readonly string[] => {
  const each = families.map(({ curves }) => curves.map(({ place }) => place));
  const listed: string[] = [];
  for (const places of each.toSorted((a, b) => b.length - a.length))
    places.forEach((place, i) => {
      if (!listed.includes(place)) listed.splice(indexFor(listed, place, places[i - 1]), 0, place);
    });
  return listed;
};

/** Numbers of the places with which another branch begins, the trunk's or a head's: depth starts anew there. */
export const breaksOf = (places: readonly string[]): readonly number[] =>
  places.flatMap((place, i) => (i > 0 && branchOf(place) !== branchOf(places[i - 1]!) ? [i] : []));

/** Its places are parts of a stack of blocks, so that depth means something. */
export const isDeep = ({ curves }: Family): boolean =>
  curves.filter(({ place }) => /\bblocks\.\d+/.test(place)).length > 1;
