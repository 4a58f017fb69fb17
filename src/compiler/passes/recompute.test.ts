// Checkpointing changes what is kept, never a value.
import { describe, expect, it } from "vitest";
import { gpasSizes, gpasVariant, llamaSpec } from "../../../test/parity/models.ts";
import { initialState, microBatch, recipe, sequences } from "../../../test/parity/recipes.ts";
import { features } from "../features/index.ts";
import { createBuilder } from "../ir/builder.ts";
import { evaluate, evaluateNodes } from "../ir/evaluate.ts";
import type { Builder, Graph, Node } from "../ir/types.ts";
import { verify } from "../ir/verify.ts";
import { nodesOf, reachable } from "../ir/walk.ts";
import { buildPrograms } from "../model/programs.ts";
import { differentiate } from "./differentiate.ts";
import { memoryEstimate, pipeline, runPasses } from "./index.ts";
import { recompute } from "./recompute.ts";

const none = {} as const;
const shape = [{ name: "d", size: 3 }];
const input = (b: Builder, name: string): Node<"input"> =>
  b.emit("input", [], { name, dtype: "f32", shape });
/** Something with values inside that its gradient needs. */
const block = (b: Builder, x: Node, w: Node): Node =>
  b.emit(
    "add",
    [x, b.emit("tanh", [b.emit("sigmoid", [b.emit("mul", [x, w], none)], none)], none)],
    none,
  );
const total = (b: Builder, x: Node): Node =>
  b.emit("reduceSum", [b.emit("square", [x], none)], { axes: [0], keepDims: false });
const values = { x: [0.3, -0.7, 1.1], w0: [0.5, 1.5, -0.4], w1: [0.9, -0.2, 0.1], w2: [1, 2, 3] };

const both = (
  b: Builder,
  loss: Node,
  kept: readonly Node[],
  wrt: readonly Node[],
): readonly [plain: readonly Node[], again: readonly Node[]] => {
  const all = differentiate(b, loss, [...wrt, ...kept]);
  const grads = all.slice(0, wrt.length);
  const boundaries = kept.map((value, i) => ({ value, grad: all[wrt.length + i]! }));
  const now = recompute(b, boundaries, grads);
  return [grads, grads.map((g) => now.get(g)!)];
};
const expectSame = (plain: readonly Node[], again: readonly Node[]): void => {
  const got = evaluateNodes([...plain, ...again], { inputs: values, state: {} });
  plain.forEach((g, i) => expect([...got.get(again[i]!)!]).toEqual([...got.get(g)!]));
};

describe("recompute", () => {
  it("computes the inside of each block again, behind the gradient of what follows it", () => {
    const b = createBuilder();
    const [x, ...ws] = ["x", "w0", "w1", "w2"].map((name) => input(b, name)) as [Node, ...Node[]];
    const kept = [x];
    for (const w of ws) kept.push(block(b, kept.at(-1)!, w));
    const loss = total(b, kept.at(-1)!);
    const [plain, again] = both(b, loss, kept, [x, ...ws]);
    expectSame(plain, again);
    const forward = new Set(reachable([loss]));
    for (const node of reachable(again))
      // of the forward pass, gradients read what is kept, and leaves
      if (!forward.has(node))
        for (const operand of node.inputs)
          if (forward.has(operand) && operand.op !== "full")
            expect([...kept, ...ws], `${node.op} reads ${operand.op}`).toContain(operand);
    expect(reachable(again).filter((n) => n.op === "tanh" && !forward.has(n))).toHaveLength(3);
  });

  it("follows branches: a boundary with two blocks behind it", () => {
    const b = createBuilder();
    const [x, w0, w1, w2] = ["x", "w0", "w1", "w2"].map((name) => input(b, name)) as [
      Node, Node, Node, Node,
    ]; // prettier-ignore
    const stem = block(b, x, w0);
    const [left, right] = [block(b, stem, w1), block(b, stem, w2)];
    const loss = b.emit("add", [total(b, left), total(b, right)], none);
    const [plain, again] = both(b, loss, [x, stem, left, right], [x, w0, w1, w2]);
    expectSame(plain, again);
    const barriers = reachable(again).filter((n) => n.op === "barrier" && n.attrs.of === 0);
    expect(barriers.map((n) => n.inputs[0])).toEqual([stem, stem, x].sort((p, q) => q.id - p.id));
  });

  it("leaves what layers add to the loss on the way where it is", () => {
    const b = createBuilder();
    const [x, w0, w1] = ["x", "w0", "w1"].map((name) => input(b, name)) as [Node, Node, Node];
    const h = block(b, x, w0);
    const inner = b.emit("sigmoid", [b.emit("mul", [h, w1], none)], none);
    const out = b.emit("add", [h, b.emit("tanh", [inner], none)], none);
    const loss = b.emit("add", [total(b, out), total(b, inner)], none);
    const [plain, again] = both(b, loss, [x, h, out], [x, w0, w1]);
    expectSame(plain, again);
  });
});

describe("a model with checkpoints", () => {
  const spec = llamaSpec({ ...gpasSizes, layers: 3 }, { scaling: gpasVariant() });
  const step = (
    checkpoint: null | "block",
    precision = { is: "f32", residual: "bf16" },
    model = spec,
    binding = { batch: 2, sequence: 12 },
  ) => {
    const compiled = buildPrograms(
      model,
      recipe({ checkpoint, precision, batch: sequences(2), micro: sequences(2) }),
      {
        methods: features,
        programs: ["train_step"],
        binding,
        totalSteps: 8,
      },
    );
    return { compiled, graph: compiled.programs[0]!.graph };
  };
  const ready = (graph: Graph): Graph => runPasses(graph, pipeline(new Set()), { verify: true });

  it.each(["f32", "bf16"])("takes the same step bit for bit, in %s", (is) => {
    const precision = { is, residual: "bf16" };
    const [plain, again] = [step(null, precision), step("block", precision)];
    expect(verify(again.graph)).toEqual([]);
    const state = initialState(plain.compiled);
    const inputs = { ...microBatch(0, 0), learning_rate: [1e-3], bias1: [0.1], bias2: [0.001] };
    const [want, got] = [plain, again].map(({ graph }) =>
      evaluate(ready(graph), { inputs, state }),
    );
    expect(got).toEqual(want);
  });
  it("keeps less: the states between blocks, and the inside of one", () => {
    const deep = llamaSpec({ ...gpasSizes, layers: 8 }, { scaling: gpasVariant() });
    const peak = (checkpoint: null | "block"): number => {
      const { graph } = step(checkpoint, undefined, deep, { batch: 8, sequence: 64 });
      const { peakBytes, stateBytes } = memoryEstimate(ready(graph));
      return peakBytes - stateBytes;
    };
    expect(peak("block")).toBeLessThan(0.3 * peak(null));
  });
  it("computes each block twice and nothing else", () => {
    const count = (graph: Graph): number =>
      nodesOf(graph).filter((n) => n.op === "attention").length;
    expect([count(step(null).graph), count(step("block").graph)]).toEqual([3, 6]);
    const heads = nodesOf(step("block").graph).filter(
      (n) => n.op === "matMul" && n.path === "head",
    );
    expect(heads).toHaveLength(3); // forward, and two gradients
  });
});
