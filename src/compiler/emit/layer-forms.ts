// What layers do differently where their sizes do not tell it: windows in turn, positions in some layers alone.
import { isVariant } from "../semantics/spec-values.ts";
import type { BlockSpec, Value } from "../semantics/spec.ts";
import { details } from "./rows.ts";

export interface LayerForm {
  /** "attention" */
  readonly key: string;
  /** "gqa, heads 4 · kv 2 · window 64"; "none" where a layer is without. */
  readonly text: string;
  /** Counted from 0. */
  readonly blocks: readonly number[];
}

const textOf = (value: Value | undefined): string => {
  if (!isVariant(value)) return "none";
  const told = details(value);
  return told === "" ? value.is : `${value.is}, ${told}`;
};

/** Of each key that is not alike in all layers its forms, in the order in which they first stand. */
export const layerForms = (blocks: readonly BlockSpec[]): readonly LayerForm[] => {
  const keys = Object.keys(blocks[0] ?? {}).filter((key) => key !== "layer");
  return keys.flatMap((key) => {
    const forms = new Map<string, number[]>();
    blocks.forEach((block, i) => {
      const text = textOf(block[key]);
      forms.set(text, [...(forms.get(text) ?? []), i]);
    });
    return forms.size < 2 ? [] : [...forms].map(([text, at]) => ({ key, text, blocks: at }));
  });
};

/** Neighbours as ranges: "blocks 0–4, 6–10". */
export const blocksText = (numbers: readonly number[]): string => {
  const runs: [first: number, last: number][] = [];
  for (const n of numbers) {
    const run = runs.at(-1);
    if (run?.[1] === n - 1) run[1] = n;
    else runs.push([n, n]);
  }
  const told = runs.map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`));
  return `block${numbers.length === 1 ? "" : "s"} ${told.join(", ")}`;
};
