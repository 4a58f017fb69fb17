// What of a training's measures is worth a look: facts that the methods of its model tell of their own numbers.
import { features } from "./features/index.ts";
import type { Measured } from "./model/watch.ts";
import type { ModelSpec } from "./semantics/spec.ts";

export type { Measured } from "./model/watch.ts";
export interface Finding {
  readonly quantity: string;
  readonly place: string;
  /** At which it was measured last. */
  readonly step: number;
  readonly text: string;
}

export const findingsOf = (model: ModelSpec, measures: readonly Measured[]): readonly Finding[] => {
  if (model.kind !== "decoder") return [];
  const watches = features.flatMap((feature) => feature.watches ?? []);
  return measures.flatMap(({ quantity, place, values }) => {
    const [, index] = /(?:^|\.)blocks\.(\d+)(?:\.|$)/.exec(place) ?? [];
    const block = model.blocks[Number(index)];
    const last = values.at(-1);
    if (block === undefined || last === undefined) return [];
    return watches
      .filter((watch) => watch.quantity === quantity)
      .flatMap((watch) => watch.finding(block, values) ?? [])
      .map((text): Finding => ({ quantity, place, step: last.step, text }));
  });
};
