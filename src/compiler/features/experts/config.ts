// What a mixture's constructor says, read once: `moe(...)` and whatever else is made of experts.
import { flag, number, optionalNumber, optionalVariant, text } from "../../model/config.ts";
import { isVariant } from "../../semantics/spec-values.ts";
import type { Variant } from "../../semantics/spec.ts";

export interface Router {
  readonly scores: "softmax" | "sigmoid";
  readonly renormalise: boolean;
  readonly scale: number;
  /** Of its weight; null: as the model's linear layers. */
  readonly init: Variant | null;
  readonly groups: {
    readonly count: number;
    readonly keep: number;
    readonly rank: "best" | "best_two";
  } | null;
}
export interface Mixture {
  readonly experts: number;
  readonly topK: number;
  readonly intermediate: number;
  readonly shared: number;
  readonly balance: readonly Variant[];
  readonly zLoss: number | null;
  readonly capacity: number | null;
}

export const routerOf = (spec: Variant): Router => {
  const groups = optionalVariant(spec, "groups");
  return {
    scores: spec.is === "sigmoid" ? "sigmoid" : "softmax",
    renormalise: flag(spec, "renormalise"),
    scale: number(spec, "scale"),
    init: optionalVariant(spec, "init"),
    groups: groups && {
      count: number(groups, "count"),
      keep: number(groups, "keep"),
      rank: text(groups, "rank") === "best" ? "best" : "best_two",
    },
  };
};
export const balanceTerms = (spec: Variant): readonly Variant[] => {
  const balance = spec["balance"];
  return Array.isArray(balance) ? balance.filter(isVariant) : [];
};
export const mixtureOf = (spec: Variant): Mixture => ({
  experts: number(spec, "experts"),
  topK: number(spec, "top_k"),
  intermediate: number(spec, "intermediate"),
  shared: number(spec, "shared"),
  balance: balanceTerms(spec),
  zLoss: optionalNumber(spec, "z_loss"),
  capacity: optionalNumber(spec, "capacity"),
});

/** DeepSeek-V3's bias of the choice, arXiv 2408.15664, when the mixture is balanced by one. */
export const biasRate = ({ balance }: Mixture): number | undefined => {
  const bias = balance.find((term) => term.is === "bias");
  return bias && number(bias, "rate");
};
