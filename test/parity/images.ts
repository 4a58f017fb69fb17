// Image models as the tests build them: read from text, and one pass forward and backward as a program of no updates.
import type { StateEntry } from "../../src/bundle/manifest.ts";
import { analyzeText } from "../../src/compiler/analyze.ts";
import { features } from "../../src/compiler/features/index.ts";
import { createBuilder } from "../../src/compiler/ir/builder.ts";
import type { Graph } from "../../src/compiler/ir/types.ts";
import { createStage } from "../../src/compiler/model/kinds.ts";
import { createParameters, stateEntry } from "../../src/compiler/model/parameters.ts";
import { readModel } from "../../src/compiler/model/reading.ts";
import { lossesOf } from "../../src/compiler/model/training.ts";
import { differentiate } from "../../src/compiler/passes/differentiate.ts";
import type { ModelSpec } from "../../src/compiler/semantics/spec.ts";

/** The one model of a text without its first line. */
export const modelOf = (body: string): ModelSpec => {
  const { spec, diagnostics } = analyzeText("model.arch", `spec 1\nmodel M {\n${body}\n}`);
  const model = spec?.models["M"];
  if (model === undefined) throw new Error(diagnostics.map((d) => d.message).join("; "));
  return model;
};

/** Logits, losses of each head, `grad.` of each parameter, and in training `after.` each running statistic. */
export const passOf = (
  model: ModelSpec,
  batch: number,
  training: boolean,
): { readonly graph: Graph; readonly state: readonly StateEntry[] } => {
  const b = createBuilder();
  const params = createParameters(b);
  const stage = createStage(b, params, features, { turn: training ? "whole" : "none" });
  const { data, targets, forward } = readModel(stage, model, { batch });
  const { loss, objective, each } = lossesOf(b, forward, targets, []);
  const trained = params.list().filter((p) => p.trained);
  const grads = differentiate(b, objective, trained.map((p) => params.node(p.name))); // prettier-ignore
  const graph: Graph = {
    name: "forward",
    inputs: [data, targets],
    outputs: [
      { name: "logits", node: forward.logits },
      ...forward.trained.map((node, i) => ({ name: `logits.${i}`, node })),
      { name: "loss", node: loss },
      ...(objective === loss ? [] : [{ name: "objective", node: objective }]),
      ...each.map((node, i) => ({ name: `loss.${i}`, node })),
      ...trained.map((p, i) => ({ name: `grad.${p.name}`, node: grads[i]! })),
      ...stage.effects.updates.map(({ state, node }) => ({ name: `after.${state}`, node })),
    ],
    updates: [],
  };
  return { graph, state: params.list().map((p) => stateEntry(p)) };
};
