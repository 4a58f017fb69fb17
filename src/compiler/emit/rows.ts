// What pictures of models are made of: rows, groups of them, and constructors told in a line.
import { grouped, measureText } from "../../bundle/numbers.ts";
import { isVariant } from "../semantics/spec-values.ts";
import type { BlockSpec, ImageBlockSpec, Value, Variant } from "../semantics/spec.ts";
import { vocabulary } from "../words.ts";

export interface Row {
  readonly kind: "io" | "embed" | "norm" | "attention" | "ffn" | "unit" | "gate" | "add" | "head";
  readonly title: string;
  readonly detail: string;
  /** What its parameters lie below in the model or branch: "embedding", "head". */
  readonly place?: string;
  /** Another part that reads the same and is added by the same addition. */
  readonly beside?: Row;
  /** For an addition: how many rows above the skipped part begins, and what acts on the shortcut around it. */
  readonly skips?: number;
  readonly onShortcut?: readonly string[];
}
export interface Group {
  readonly rows: readonly Row[];
  /** "blocks.0–3", as parameters and probes are called, where the group is of blocks. */
  readonly label?: string;
  readonly count?: number;
  /** "5 + 1 in turn": how many alike blocks each part of it stands for. */
  readonly turn?: string;
  /** What masks leave of these blocks: "density 0.301". */
  readonly density?: string | undefined;
  /** Numbers of these blocks, the second the first one after them. */
  readonly blocks?: readonly [from: number, to: number];
}
/** What each part of a model looks like, wherever its body puts it. */
export interface PartRows {
  readonly input: Row;
  readonly stem: readonly Row[];
  readonly blocks: (from: number, to: number) => readonly Group[];
  readonly finalNorm: Row | null;
  readonly head: readonly Row[];
  readonly output: Row;
}

/** Between the parts of what a row tells. */
export const PART = " · ";

const word = (key: string): string => key.replaceAll("_", " ");
/** Sizes and settings alike. */
const settingText = (n: number): string => (Number.isInteger(n) ? grouped(n) : measureText(n));

const piece = (key: string, value: Value | undefined): string => {
  if (value === null || value === undefined || value === false || key === "is") return "";
  if (typeof value === "number") return `${word(key)} ${settingText(value)}`;
  if (value === true) return word(key);
  if (typeof value === "string") return `${word(key)} ${value}`;
  if (!isVariant(value) || key === "init") return "";
  return value.is === "none" ? `${word(key)} none` : namesOf(value);
};
/** A form and the forms that it holds: "rope yarn". */
const namesOf = (value: Variant): string =>
  [
    value.is,
    ...Object.entries(value).flatMap(([key, inner]) =>
      isVariant(inner) && key !== "init" ? [namesOf(inner)] : [],
    ),
  ].join(" ");
/** A word or switch that stands at its default says nothing, nor does none of something. */
const isDefault = (of: string, key: string, value: Value | undefined): boolean => {
  const keys = vocabulary.constructors.find((c) => c.name === of)?.keys ?? [];
  const told = typeof value === "string" || typeof value === "boolean" || value === 0;
  return told && keys.find((k) => k.name === key)?.default === String(value);
};
/** @param words whether words and numbers at their defaults are told too */
export const details = (v: Variant, words = false): string => {
  const pieces = Object.entries(v).map(([key, value]) =>
    isDefault(v.is, key, value) && !(words && typeof value !== "boolean") ? "" : piece(key, value),
  );
  return pieces.filter((p) => p !== "").join(PART);
};

type AnyBlock = BlockSpec | ImageBlockSpec;
const sameButLayer = (a: AnyBlock, b: AnyBlock): boolean =>
  JSON.stringify({ ...a, layer: 0 }) === JSON.stringify({ ...b, layer: 0 });

interface Run<B> {
  readonly block: B;
  readonly count: number;
}
/** Alike neighbours together. */
const runsOf = <B extends AnyBlock>(blocks: readonly B[]): readonly Run<B>[] => {
  const runs: Run<B>[] = [];
  for (const block of blocks) {
    const last = runs.at(-1);
    if (last !== undefined && sameButLayer(last.block, block))
      runs[runs.length - 1] = { ...last, count: last.count + 1 };
    else runs.push({ block, count: 1 });
  }
  return runs;
};
const sameRun = <B extends AnyBlock>(a: Run<B> | undefined, b: Run<B> | undefined): boolean =>
  a !== undefined && b !== undefined && a.count === b.count && sameButLayer(a.block, b.block);

/** Runs that take turns are at most so many. */
const LONGEST_TURN = 4;
/** How many runs from `start` take turns, and how often: layers with and without a window. */
const turnsAt = <B extends AnyBlock>(
  runs: readonly Run<B>[],
  start: number,
): readonly [size: number, times: number] => {
  for (let size = 2; size <= LONGEST_TURN; size += 1) {
    let end = start + size;
    while (sameRun(runs[end], runs[end - size])) end += 1;
    const times = Math.floor((end - start) / size);
    if (times > 1) return [size, times];
  }
  return [1, 1];
};

/** Alike neighbours, and neighbours that take turns, as one group each, by what `rowsOf` draws of one block. */
export const blockGroups = <B extends AnyBlock>(
  blocks: readonly B[],
  rowsOf: (block: B) => readonly Row[],
): readonly Group[] => {
  const runs = runsOf(blocks);
  const groups: Group[] = [];
  for (let at = 0; at < runs.length;) {
    const [size, times] = turnsAt(runs, at);
    const turn = runs.slice(at, at + size);
    const first = turn[0]!.block.layer - 1;
    const layers = times * turn.reduce((sum, { count }) => sum + count, 0);
    const range = layers === 1 ? `blocks.${first}` : `blocks.${first}–${first + layers - 1}`;
    groups.push({
      rows: turn.flatMap(({ block }) => rowsOf(block)),
      count: size === 1 ? layers : times,
      blocks: [first, first + layers],
      label: range,
      ...(size > 1 && { turn: `${turn.map(({ count }) => count).join(" + ")} in turn` }),
    });
    at += size * times;
  }
  return groups;
};
