// Properties of every pass on random graphs, and the directional derivative of a whole small model.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomGraph } from "../../../test/helpers/arbitraries-graph.ts";
import { expectSameResults } from "../../../test/helpers/feeds.ts";
import { createBuilder, reemit, rowOf } from "../ir/builder.ts";
import { evaluate } from "../ir/evaluate.ts";
import { count } from "../ir/shape.ts";
import type { Dim, Graph, Node, Pass } from "../ir/types.ts";
import { verify } from "../ir/verify.ts";
import { nodesOf, reachable } from "../ir/walk.ts";
import {
  differentiate,
  eliminateDead,
  expandComposites,
  pipeline,
  runPasses,
  simplify,
} from "./index.ts";
import { opByOp } from "./op-by-op.ts";
import { sumsAsProducts } from "./sums-as-products.ts";

const passes: readonly Pass[] = [
  simplify,
  expandComposites(new Set()),
  expandComposites(new Set(["softmax"])),
  eliminateDead,
  opByOp,
  sumsAsProducts,
];

describe.each(passes)("$name", (pass) => {
  it("keeps every result and leaves a legal graph", () => {
    fc.assert(
      fc.property(randomGraph, ({ graph, feeds }) => {
        const after = pass.run(graph);
        expect(verify(after)).toEqual([]);
        expectSameResults(graph, after, feeds);
      }),
      { numRuns: 80 },
    );
  });
});

it("runs the pipeline to primitives, and simplifying twice changes nothing", () => {
  fc.assert(
    fc.property(randomGraph, ({ graph, feeds }) => {
      const seen: string[] = [];
      const after = runPasses(graph, pipeline(new Set()), {
        verify: true,
        after: (name) => seen.push(name),
      });
      expect(seen).toEqual(["simplify", "expand", "simplify-expanded", "eliminate-dead"]);
      expect(nodesOf(after).filter((n) => rowOf(n.op).kind === "composite")).toEqual([]);
      expect(nodesOf(simplify.run(after)).length).toBe(nodesOf(after).length);
      expectSameResults(graph, after, feeds);
    }),
    { numRuns: 40 },
  );
});

describe("a whole model", () => {
  const d = (name: string, size: number): Dim => ({ name, size });
  const [B, T, D, H, K, W, F, V] = [
    d("b", 2),
    d("t", 3),
    d("d", 4),
    d("h", 2),
    d("k", 1),
    d("w", 2),
    d("f", 5),
    d("v", 6),
  ];
  const none = {} as const;
  const b = createBuilder();
  const parameterOf = new Map<string, Node>();
  const parameter = (name: string, ...shape: readonly Dim[]): Node => {
    const node = b.emit("state", [], { name, shape });
    parameterOf.set(name, node);
    return node;
  };
  const linear = (x: Node, w: Node): Node =>
    b.emit("matMul", [x, w], { transposeX: false, transposeY: false });
  const norm = (x: Node, name: string): Node =>
    b.emit("rmsNorm", [x, parameter(name, D)], { eps: 1e-3 });
  /** [B, T, n·W] -> [B, n, T, W] */
  const split = (x: Node, n: Dim): Node =>
    b.emit("transpose", [b.emit("reshape", [x], { shape: [B, T, n, W] })], { perm: [0, 2, 1, 3] });
  const stopped: Node[] = [];
  /** GPAS: x - silu(g) · stop(x). */
  const gate = (x: Node, name: string): Node => {
    stopped.push(x);
    const scale = b.emit("silu", [parameter(name)], none);
    return b.emit(
      "sub",
      [x, b.emit("mul", [scale, b.emit("stopGradient", [x], none)], none)],
      none,
    );
  };

  const ids = b.emit("input", [], { name: "ids", dtype: "i32", shape: [B, T] });
  const targets = b.emit("input", [], { name: "targets", dtype: "i32", shape: [d("n", 6)] });
  const table = parameter("embed", V, D);
  const [cos, sin] = [Math.cos, Math.sin].map((f) =>
    b.emit("constant", [], {
      dtype: "f32",
      shape: [T, W],
      values: [0, 1, 2].flatMap((t) => [f(t), f(t)]),
    }),
  ) as [Node, Node];
  let x: Node = b.emit("gather", [table, ids], none);
  const h = norm(x, "norm1");
  const rotate = (y: Node): Node => b.emit("rope", [y, cos, sin], none);
  const q = rotate(split(linear(h, parameter("q", D, D)), H));
  const k = rotate(split(linear(h, parameter("k", D, W)), K));
  const v = split(linear(h, parameter("v", D, W)), K);
  const mixed = b.emit("attention", [q, k, v], { scale: Math.SQRT1_2, causal: true });
  const joined = b.emit("reshape", [b.emit("transpose", [mixed], { perm: [0, 2, 1, 3] })], {
    shape: [B, T, D],
  });
  x = gate(b.emit("add", [x, linear(joined, parameter("o", D, D))], none), "gate1");
  const n = norm(x, "norm2");
  const swiglu = b.emit(
    "mul",
    [
      b.emit("silu", [linear(n, parameter("ffn.gate", D, F))], none),
      linear(n, parameter("ffn.up", D, F)),
    ],
    none,
  );
  x = gate(b.emit("add", [x, linear(swiglu, parameter("ffn.down", F, D))], none), "gate2");
  const rows = b.emit("reshape", [norm(x, "norm3")], { shape: [d("n", 6), D] });
  const logits = b.emit("matMul", [rows, table], { transposeX: false, transposeY: true }); // tied
  const losses = b.emit("crossEntropy", [logits, targets], { ignore: -100 });
  const loss = b.emit("reduceMean", [losses], { axes: [0], keepDims: false });
  const names = [...parameterOf.keys()];
  const parameters = [...parameterOf.values()];
  const unused = b.emit("state", [], { name: "unused", shape: [D] });
  const gradients = differentiate(b, loss, [...parameters, unused]);
  const graph: Graph = {
    name: "train",
    inputs: [ids, targets],
    outputs: [
      { name: "loss", node: loss },
      ...names.map((name, i) => ({ name, node: gradients[i]! })),
    ],
    updates: [],
  };

  const inputs = { ids: [0, 1, 2, 3, 4, 5], targets: [1, 2, -100, 4, 5, 0] };
  const wave = (n: number, phase: number): number[] =>
    Array.from({ length: n }, (_, i) => 0.6 * Math.sin(phase + 2.3 * i));
  const state = Object.fromEntries(parameters.map((p, i) => [names[i]!, wave(count(p.type), i)]));
  const direction = Object.fromEntries(
    parameters.map((p, i) => [names[i]!, wave(count(p.type), 10 + 3 * i)]),
  );
  const base = evaluate(graph, { inputs, state });

  /** The loss with what is under stopGradient held at the base point, which is what the gradient is of. */
  const held = (() => {
    const c = createBuilder();
    const copies = new Map<Node, Node>();
    const base = new Map(stopped.map((s, i) => [s, i]));
    for (const node of reachable([loss])) {
      const at = node.op === "stopGradient" ? base.get(node.inputs[0]) : undefined;
      copies.set(
        node,
        at === undefined
          ? reemit(
              c,
              node,
              node.inputs.map((i) => copies.get(i)!),
            )
          : c.emit("input", [], { name: `held${at}`, dtype: "f32", shape: node.type.shape }),
      );
    }
    const values = evaluate(
      { ...graph, outputs: stopped.map((s, i) => ({ name: `held${i}`, node: s })) },
      { inputs, state },
    ).outputs;
    const fixed = Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, value.data]),
    );
    const program: Graph = {
      name: "held",
      inputs: [],
      outputs: [{ name: "loss", node: copies.get(loss)! }],
      updates: [],
    };
    return (step: number): number => {
      const moved = Object.fromEntries(
        names.map((name) => [name, state[name]!.map((p, i) => p + step * direction[name]![i]!)]),
      );
      return evaluate(program, { inputs: { ...inputs, ...fixed }, state: moved }).outputs["loss"]!
        .data[0]!;
    };
  })();

  it("has the directional derivative of central differences", () => {
    const exact = names.reduce(
      (sum, name) =>
        sum + base.outputs[name]!.data.reduce((s, g, i) => s + g * direction[name]![i]!, 0),
      0,
    );
    const step = 1e-5;
    const numeric = (held(step) - held(-step)) / (2 * step);
    expect(held(0)).toBeCloseTo(base.outputs["loss"]!.data[0]!, 12);
    expect(Math.abs(exact)).toBeGreaterThan(1e-3);
    expect(Math.abs(exact - numeric)).toBeLessThan(1e-8 * Math.max(1, Math.abs(numeric)));
  });
  it("gives zeros to an unused parameter", () => {
    const node = gradients.at(-1)!;
    const zeros = evaluate({ ...graph, outputs: [{ name: "g", node }] }, { inputs, state }).outputs[
      "g"
    ]!;
    expect([zeros.shape, [...zeros.data]]).toEqual([[4], [0, 0, 0, 0]]);
  });
  it("keeps loss and gradients through the pipeline", () => {
    const after = runPasses(graph, pipeline(new Set()), { verify: true });
    expectSameResults(graph, after, { inputs, state });
    expect(nodesOf(after).some((n) => n.op === "stopGradient")).toBe(false);
  });
});
