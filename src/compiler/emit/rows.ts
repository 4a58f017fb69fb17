// What pictures of models are made of: rows, groups of them, and constructors told in a line.
import { isVariant } from "../semantics/spec-values.ts";
import type { BlockSpec, ImageBlockSpec, Value, Variant } from "../semantics/spec.ts";
import { vocabulary } from "../words.ts";

export interface Row {
  readonly kind: "io" | "embed" | "norm" | "attention" | "ffn" | "unit" | "gate" | "add" | "head";
  readonly title: string;
  readonly detail: string;
  /** Another part that reads the same and is added by the same addition. */
  readonly beside?: Row;
  /** For an addition: how many rows above the skipped part begins, and what acts on the shortcut around it. */
  readonly skips?: number;
  readonly onShortcut?: readonly string[];
}
export interface Group {
  readonly rows: readonly Row[];
  /** "layers 1–4", where the group is a block. */
  readonly label?: string;
  readonly count?: number;
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

const word = (key: string): string => key.replaceAll("_", " ");
export const grouped = (n: number): string => {
  if (Number.isInteger(n) && n >= 10_000)
    return n.toLocaleString("en-US").replaceAll(",", "\u202f");
  return n !== 0 && Math.abs(n) < 1e-3 ? n.toExponential() : String(n);
};

const piece = (key: string, value: Value | undefined): string => {
  if (value === null || value === undefined || value === false || key === "is" || key === "init")
    return "";
  if (typeof value === "number") return `${word(key)} ${grouped(value)}`;
  if (value === true) return word(key);
  if (typeof value === "string") return `${word(key)} ${value}`;
  return isVariant(value) ? value.is : "";
};
/** A word or switch that stands at its default says nothing. */
const isDefault = (of: string, key: string, value: Value | undefined): boolean => {
  const keys = vocabulary.constructors.find((c) => c.name === of)?.keys ?? [];
  const told = typeof value === "string" || typeof value === "boolean";
  return told && keys.find((k) => k.name === key)?.default === String(value);
};
export const details = (v: Variant): string => {
  const pieces = Object.entries(v).map(([key, value]) =>
    isDefault(v.is, key, value) ? "" : piece(key, value),
  );
  const text = pieces.filter((p) => p !== "").join(" · ");
  return text.length > 50 ? `${text.slice(0, 49)}…` : text;
};

type AnyBlock = BlockSpec | ImageBlockSpec;
const sameButLayer = (a: AnyBlock, b: AnyBlock): boolean =>
  JSON.stringify({ ...a, layer: 0 }) === JSON.stringify({ ...b, layer: 0 });

/** Alike neighbours together, by what `rowsOf` draws of one. */
export const blockGroups = <B extends AnyBlock>(
  blocks: readonly B[],
  rowsOf: (block: B) => readonly Row[],
): readonly Group[] => {
  const runs: B[][] = [];
  for (const block of blocks) {
    const run = runs.at(-1);
    if (run !== undefined && sameButLayer(run[0]!, block)) run.push(block);
    else runs.push([block]);
  }
  return runs.map((run) => {
    const first = run[0]!;
    const last = run.at(-1)!;
    return {
      rows: rowsOf(first),
      count: run.length,
      label: run.length === 1 ? `layer ${first.layer}` : `layers ${first.layer}–${last.layer}`,
    };
  });
};
