// The kinds of layers by the name of their constructor: the base language's and every method's in one table. What is built
// for `attention = mla(...)` is looked up here, never asked about.
import type { Builder } from "../ir/types.ts";
import { attentionKinds } from "./attention.ts";
import { feedForwardKinds } from "./feed-forward.ts";
import { normKinds } from "./norms.ts";
import type { Parameters } from "./parameters.ts";
import { placements } from "./placement.ts";
import { residuals } from "./residual.ts";
import type { Kinds, Method, Stage } from "./sites.ts";
import type { Effects } from "./effects.ts";
import { tallyIn, type Turn } from "./tallies.ts";
import { unitKinds } from "./units.ts";

const base: Kinds = {
  attention: attentionKinds,
  ffn: feedForwardKinds,
  norm: normKinds,
  placement: placements,
  residual: residuals,
  unit: unitKinds,
};

export const kindsOf = (methods: readonly Method[]): Kinds =>
  methods.reduce<Kinds>(
    (all, { kinds = {} }) => ({
      attention: { ...all.attention, ...kinds.attention },
      ffn: { ...all.ffn, ...kinds.ffn },
      norm: { ...all.norm, ...kinds.norm },
      placement: { ...all.placement, ...kinds.placement },
      residual: { ...all.residual, ...kinds.residual },
      unit: { ...all.unit, ...kinds.unit },
    }),
    base,
  );

export interface StageOptions extends Partial<Pick<Stage, "spanOf" | "cache">> {
  readonly turn?: Turn;
}
/** A stage to build a model on. */
export const createStage = (
  b: Builder,
  params: Parameters,
  methods: readonly Method[],
  { spanOf = () => undefined, cache, turn = "none" }: StageOptions = {},
): Stage => {
  const effects: Effects = {
    losses: [],
    metrics: [],
    points: [],
    updates: [],
    sums: [],
    tallied: [],
    notes: new Map(),
  };
  const tally: Stage["tally"] = (wanted) => tallyIn(b, effects, turn, wanted);
  const training = turn === "whole" || turn === "pass";
  return { b, params, methods, spanOf, kinds: kindsOf(methods), effects, tally, training, cache };
};
