// The models of the golden cases as Specs, and the smallest way to run one: build its graph, evaluate it in float64.
import { analyzeText } from "../../src/compiler/analyze.ts";
import { createBuilder } from "../../src/compiler/ir/builder.ts";
import { evaluate } from "../../src/compiler/ir/evaluate.ts";
import type { Graph, Node } from "../../src/compiler/ir/types.ts";
import { features } from "../../src/compiler/features/index.ts";
import type { Cache } from "../../src/compiler/model/cache.ts";
import { createStage } from "../../src/compiler/model/kinds.ts";
import { createParameters, type Parameter } from "../../src/compiler/model/parameters.ts";
import { lossesOf } from "../../src/compiler/model/training.ts";
import { decoder } from "../../src/compiler/model/transformer.ts";
import { differentiate } from "../../src/compiler/passes/differentiate.ts";
import type { DecoderSpec, Variant } from "../../src/compiler/semantics/spec.ts";
import type { Tensors } from "./golden.ts";

export interface Sizes {
  readonly vocab: number;
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly kv: number;
  readonly ffn: number;
  readonly eps: number;
  readonly padding: number | null;
  readonly tied: boolean;
}
export interface Choices {
  /** The name of a placement, or its constructor with `$` in place of the norm: "mix($, post_blocks: 2)". */
  readonly placement?: string;
  readonly scaling?: Variant | null;
}

/** The one model of a text, as the checker makes it: every key filled. */
export const modelFrom = (text: string): DecoderSpec => {
  const { spec, diagnostics } = analyzeText("model.arch", text);
  const model = Object.values(spec?.models ?? {}).at(-1);
  if (model?.kind !== "decoder") throw new Error(diagnostics.map((d) => d.message).join("; "));
  return model;
};

/** A decoder of the LLaMA family. */
export const llamaSpec = (
  size: Sizes,
  { placement = "pre", scaling = null }: Choices = {},
): DecoderSpec => {
  const rmsnorm = `rmsnorm(${size.eps})`;
  const norm = placement.includes("(")
    ? placement.replace("$", rmsnorm)
    : `${placement}(${rmsnorm})`;
  const heads = size.kv === size.heads ? `mha(${size.heads})` : `gqa(${size.heads}, ${size.kv})`;
  const base = modelFrom(`model Golden {
    vocab_size = ${size.vocab} hidden_size = ${size.hidden} context = 64
    embedding = token(padding: ${size.padding ?? "none"})
    blocks ${size.layers} {
      norm = ${norm}
      attention = ${heads}
      ffn = swiglu(${size.ffn})
    }
    final_norm = ${rmsnorm}
    head = lm(tied: ${size.tied})
  }`);
  return { ...base, blocks: base.blocks.map((block) => ({ ...block, scaling })) };
};

/** The sizes of every scheme case under goldens/gpas; the last row of the embedding is the padding row. */
export const gpasSizes: Sizes = {
  vocab: 61,
  hidden: 32,
  layers: 4,
  heads: 4,
  kv: 4,
  ffn: 88,
  eps: 1e-6,
  padding: 60,
  tied: false,
};
/** The gates of the cases with GPAS, by disk name. */
export const goldenGates: Tensors = Object.fromEntries(
  [0.7, -0.45, 0.85, 0.3].map((g, i) => [
    `model.layers.${i}.gpas_block.gate`,
    { shape: [], data: Float64Array.of(Math.fround(g)) },
  ]),
);
export const gpasVariant = (
  options: Readonly<Record<string, boolean | number | string>> = {},
): Variant => ({
  is: "gpas",
  gate: "silu",
  init: 0,
  share: "block",
  trainable: true,
  site: null,
  stop_gradient: true,
  ...options,
});

export interface Pass {
  readonly parameters: readonly Parameter[];
  readonly graph: Graph;
  /** Reads `logits`, `logits.<head>`, `loss`, `objective`, `hidden.l`, `grad.<parameter>` and `act_grad.hidden.l`. */
  readonly run: (feeds: {
    readonly ids: ArrayLike<number>;
    readonly targets: ArrayLike<number>;
    readonly state: Readonly<Record<string, ArrayLike<number>>>;
  }) => Readonly<Record<string, Float64Array>>;
}

/**
 * Forward and backward of a model on ids [B, T].
 * @param positions of padded rows, [B, T]: a query at position p sees the keys up to place p
 */
export const passOf = (
  model: DecoderSpec,
  B: number,
  T: number,
  positions?: ArrayLike<number>,
): Pass => {
  const b = createBuilder();
  const params = createParameters(b);
  const shape = [
    { name: "batch", size: B },
    { name: "seq", size: T },
  ];
  const input = (name: string): Node<"input"> => b.emit("input", [], { name, dtype: "i32", shape });
  const [ids, targets] = [input("input_ids"), input("targets")];
  const cache: Cache | undefined = positions && {
    positions: b.emit("constant", [], { dtype: "i32", shape, values: Array.from(positions) }),
    extend: (_name, rows) => rows,
  };
  const stage = createStage(b, params, features, cache && { cache });
  const answer = decoder(stage, model, ids);
  const { logits, trained, hidden } = answer;
  const { loss, objective } = lossesOf(b, answer, targets, stage.effects.losses);
  const parameters = params.list();
  const grads = differentiate(
    b,
    objective,
    parameters.map((p) => params.node(p.name)),
  );
  // Differentiation stops at what it is asked about, so streams are asked for apart from the parameters before them.
  const streams = hidden.map(({ name, node }) => ({
    name: `act_grad.${name}`,
    node: differentiate(b, objective, [node])[0]!,
  }));
  const graph: Graph = {
    name: "forward",
    inputs: [ids, targets],
    outputs: [
      { name: "logits", node: logits },
      { name: "loss", node: loss },
      ...trained.map((node, i) => ({ name: `logits.${i}`, node })),
      { name: "objective", node: objective },
      ...stage.effects.metrics.map(({ name, node }) => ({ name: `metrics/${name}`, node })),
      ...hidden,
      ...streams,
      ...parameters.map((p, i) => ({ name: `grad.${p.name}`, node: grads[i]! })),
    ],
    updates: [],
  };
  return {
    parameters,
    graph,
    run: ({ ids: values, targets: wanted, state }) => {
      const { outputs } = evaluate(graph, {
        inputs: { input_ids: values, targets: wanted },
        state,
      });
      return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, value.data]));
    },
  };
};
