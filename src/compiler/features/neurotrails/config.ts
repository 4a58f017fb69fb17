// `trails = …` of a model, as this feature reads it.
import { InternalError } from "../../diagnostics/types.ts";
import { number, text } from "../../model/config.ts";
import { isVariant } from "../../semantics/spec-values.ts";
import type { KnownModel, Value, Variant } from "../../semantics/spec.ts";

interface Shared {
  readonly combine: "mean_logits" | "mean_probabilities";
  readonly loss: "sum" | "mean";
}
export interface Split extends Shared {
  readonly kind: "split";
  readonly heads: number;
  readonly blocksInHead: number;
  readonly finalNorm: "once" | "twice";
  readonly lastBatchNorm: "own" | "shared";
}
export interface Ensemble extends Shared {
  readonly kind: "ensemble";
  readonly members: number;
}
export type Trails = Split | Ensemble;

const oneOf = <W extends string>(v: Variant, key: string, words: readonly W[]): W => {
  const word = words.find((w) => w === text(v, key));
  if (word === undefined) throw new InternalError(`${v.is}: no ${key} ${text(v, key)}`);
  return word;
};

/** Undefined: the model answers alone. */
export const trailsOf = (model: KnownModel): Trails | undefined => {
  const trails = model["trails"] as Value | undefined;
  if (!isVariant(trails)) return undefined;
  const shared: Shared = {
    combine: oneOf(trails, "combine", ["mean_logits", "mean_probabilities"]),
    loss: oneOf(trails, "loss", ["sum", "mean"]),
  };
  if (trails.is === "ensemble")
    return { kind: "ensemble", members: number(trails, "members"), ...shared };
  return {
    kind: "split",
    heads: number(trails, "heads"),
    blocksInHead: number(trails, "blocks_in_head"),
    finalNorm: oneOf(trails, "final_norm", ["once", "twice"]),
    lastBatchNorm: oneOf(trails, "last_batch_norm", ["own", "shared"]),
    ...shared,
  };
};
