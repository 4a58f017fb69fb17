// The precision pass on hand-written graphs and on a whole model; rows of bf16 against the same rows in f32.
import { describe, expect, it } from "vitest";
import { gpasSizes, gpasVariant, llamaSpec } from "../../../test/parity/models.ts";
import { features } from "../features/index.ts";
import { createBuilder, rowOf } from "../ir/builder.ts";
import { evaluate, evaluateNodes } from "../ir/evaluate.ts";
import { ops } from "../ir/ops/index.ts";
import { parseType, sampleCases } from "../ir/samples.ts";
import { count } from "../ir/shape.ts";
import type { Builder, DType, Graph, Node, OpName } from "../ir/types.ts";
import { verify } from "../ir/verify.ts";
import { nodesOf, reachable } from "../ir/walk.ts";
import { buildPrograms } from "../model/programs.ts";
import { recipe, sequences, initialState, microBatch } from "../../../test/parity/recipes.ts";
import { differentiate } from "./differentiate.ts";
import { pipeline, runPasses } from "./index.ts";
import { inPrecision, type PrecisionPolicy } from "./precision.ts";

const none = {} as const;
const policy: PrecisionPolicy = { products: "bf16", stream: "bf16", exact: new Set(["router"]) };
const input = (b: Builder, name: string, type: string): Node =>
  b.emit("input", [], { name, ...parseType(type) });
const state = (b: Builder, name: string, type: string): Node =>
  b.emit("state", [], { name, shape: parseType(type).shape });
const typesOf = (b: Builder, node: Node, p = policy): DType =>
  inPrecision(b, [node], p).get(node)!.type.dtype;

describe("what becomes bf16", () => {
  const b = createBuilder();
  const ids = input(b, "ids", "i32[b=2,t=3]");
  const table = state(b, "table", "f32[v=5,d=4]");
  const x = b.emit("gather", [table, ids], none);
  const W = state(b, "W", "f32[d=4,f=4]");
  const gain = state(b, "gain", "f32[d=4]");
  const half = b.emit("full", [], { dtype: "f32", shape: [], value: 0.5 });
  const product = b.emit("matMul", [x, W], { transposeX: false, transposeY: false });

  it("embedded tokens and the stream, unless the policy keeps it in f32", () => {
    expect(typesOf(b, x)).toBe("bf16");
    const stream = b.emit("add", [x, product], none);
    expect(typesOf(b, stream)).toBe("bf16");
    const wide = { ...policy, stream: "f32" } as const;
    expect(typesOf(b, x, wide)).toBe("f32");
    expect(typesOf(b, product, wide)).toBe("bf16");
    expect(typesOf(b, stream, wide)).toBe("f32");
  });
  it("what numbers and parameters do to it", () => {
    expect(typesOf(b, b.emit("mul", [x, half], none))).toBe("bf16");
    expect(typesOf(b, b.emit("add", [product, gain], none))).toBe("bf16");
    const gate = b.emit("silu", [gain], none); // of parameters alone: f32
    expect(typesOf(b, gate)).toBe("f32");
    expect(typesOf(b, b.emit("mul", [x, gate], none))).toBe("bf16");
  });
  it("norms, though inside they compute in f32", () => {
    expect(typesOf(b, b.emit("rmsNorm", [x, gain], { eps: 1e-6 }))).toBe("bf16");
  });
  it("not sums, exponentials, softmax, nor what they meet", () => {
    const mean = b.emit("reduceMean", [x], { axes: [2], keepDims: true });
    expect(typesOf(b, mean)).toBe("f32");
    expect(typesOf(b, b.emit("sub", [x, mean], none))).toBe("f32");
    expect(typesOf(b, b.emit("exp", [x], none))).toBe("f32");
    expect(typesOf(b, b.emit("softmax", [x], none))).toBe("f32");
  });
  it("not what a router multiplies", () => {
    const score = b.at("blocks.0", undefined, () =>
      b.at("router", undefined, () =>
        b.emit("matMul", [b.emit("square", [x], none), W], {
          transposeX: false,
          transposeY: false,
        }),
      ),
    );
    const low = inPrecision(b, [score], policy).get(score)!;
    expect(low.type.dtype).toBe("f32");
    expect(low.inputs.map((n) => n.type.dtype)).toEqual(["f32", "f32"]);
  });
});

/** The gradient of a weighted sum of the node's result at its float operands, as evaluated. */
const gradients = (
  op: OpName,
  types: readonly string[],
  attrs: object,
  values: Readonly<Record<string, Float64Array>>,
): readonly Float64Array[] => {
  const b = createBuilder();
  const inputs = types.map((text, i) => input(b, String(i), text.replace("bf16", "f32")));
  const operands = inputs.map((x, i) =>
    types[i]!.startsWith("bf16") ? b.emit("cast", [x], { dtype: "bf16" }) : x,
  );
  const y = b.emit<OpName>(op, operands, attrs as never);
  const wide = y.type.dtype === "bf16" ? b.emit("cast", [y], { dtype: "f32" }) : y;
  const weights = Array.from({ length: count(y.type) }, (_, i) => Math.sin(1 + i * 1.7));
  const w = b.emit("constant", [], { dtype: "f32", shape: y.type.shape, values: weights });
  const loss = b.emit("reduceSum", [b.emit("mul", [wide, w], none)], {
    axes: y.type.shape.map((_d, i) => i),
    keepDims: false,
  });
  const wrt = inputs.filter((x) => x.type.dtype === "f32");
  const nodes = [loss, ...differentiate(b, loss, wrt)];
  const got = evaluateNodes(nodes, { inputs: values, state: {} });
  return nodes.map((n) => got.get(n)!);
};

describe("rows of bf16 compute what those of f32 do, and so do their gradients", () => {
  // those that write bf16 samples, and all that take floats otherwise: each f32 sample again with bf16 operands
  const names = (Object.keys(ops) as OpName[]).filter(
    (op) => rowOf(op).grad !== "zero" && rowOf(op).kind !== "leaf",
  );
  const cases = names.flatMap((op) =>
    rowOf(op).samples.flatMap((sample, n) => {
      if (op === "cast" || !sample.inputs.some((t) => t.startsWith("f32"))) return [];
      if (sample.inputs.some((t) => t.startsWith("bf16"))) return [];
      const low = sample.inputs.map((t) => t.replace("f32", "bf16"));
      // gains, tables, statistics and the gradient of losses are f32 beside bf16 data
      const mixed: Partial<Record<OpName, readonly number[]>> = {
        attentionGrad: [4],
        crossEntropyGrad: [2],
      };
      const types = low.map((t, i) => (mixed[op]?.includes(i) === true ? sample.inputs[i]! : t));
      return [{ op, n, types, sample, values: sampleCases(op)[n]!.values }];
    }),
  );
  it.each(cases)("$op $n", ({ op, types, sample, values }) => {
    const wide = gradients(op, sample.inputs, sample.attrs, values);
    const low = gradients(op, types, sample.attrs, values);
    wide.forEach((want, i) => {
      const scale = Math.max(1, ...want.map(Math.abs));
      want.forEach((v, j) => expect(Math.abs(low[i]![j]! - v) / scale).toBeLessThan(0.03));
    });
  });
});

describe("a whole model in bf16", () => {
  const spec = llamaSpec(gpasSizes, { scaling: gpasVariant() });
  const build = (precision: { is: string; residual?: string }) =>
    buildPrograms(spec, recipe({ precision, batch: sequences(2), micro: sequences(2) }), {
      methods: features,
      programs: ["train_step", "eval_step", "prefill", "decode_step", "forward"],
      binding: { batch: 2, sequence: 12 },
      totalSteps: 8,
      gradients: true,
    });
  const [f32, bf16] = [build({ is: "f32" }), build({ is: "bf16", residual: "bf16" })];
  const named = (compiled: typeof f32, name: string): Graph =>
    compiled.programs.find((p) => p.graph.name === name)!.graph;

  it("is legal at every stage, with edges in f32", () => {
    for (const { graph } of bf16.programs) {
      expect(verify(graph)).toEqual([]);
      runPasses(graph, pipeline(new Set()), { verify: true });
    }
  });
  it("multiplies nothing but bf16, and keeps optimizer and loss in f32", () => {
    const nodes = nodesOf(named(bf16, "train_step"));
    for (const node of nodes)
      if (node.op === "matMul" || node.op === "attention")
        for (const x of node.inputs) expect(x.type.dtype, node.path).toBe("bf16");
    const logits = nodes.find((n) => n.op === "crossEntropy")!;
    expect([logits.inputs[0].type.dtype, logits.type.dtype]).toEqual(["bf16", "f32"]);
    for (const { node } of named(bf16, "train_step").updates)
      for (const n of reachable([node]).slice(-1)) expect(n.type.dtype).toBe("f32");
  });
  it("takes the gradients of weights as products sum them, not rounded", () => {
    const forward = named(bf16, "forward");
    const grad = forward.outputs.find((o) => o.name === "grad.blocks.0.ffn.up.weight")!.node;
    expect([grad.op, grad.type.dtype, grad.inputs[0]!.type.dtype]).toEqual([
      "matMul",
      "f32",
      "bf16",
    ]);
  });
  it("has the loss and the gradients of f32, up to rounding", () => {
    const feeds = { inputs: { ...microBatch(0, 0) }, state: initialState(f32) };
    const [want, got] = [f32, bf16].map((c) => evaluate(named(c, "forward"), feeds).outputs);
    expect(Math.abs(got!["loss"]!.data[0]! - want!["loss"]!.data[0]!)).toBeLessThan(5e-3);
    for (const [name, { data }] of Object.entries(want!)) {
      if (!name.startsWith("grad.") || name.endsWith("gate")) continue;
      const dot = (x: Float64Array, y: Float64Array): number =>
        x.reduce((n, v, i) => n + v * y[i]!, 0);
      const other = got![name]!.data;
      const cosine = dot(data, other) / Math.sqrt(dot(data, data) * dot(other, other));
      expect(cosine, name).toBeGreaterThan(0.999);
    }
  });
});
