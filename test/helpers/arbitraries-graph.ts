// Random graphs for properties: a list of numbers is read as instructions, so that shrinking drops nodes. Values stay
// small (growing ops go through tanh) and conditions compare inputs only, so that rounding never flips one.
import fc from "fast-check";
import { createBuilder } from "../../src/compiler/ir/builder.ts";
import type { Feeds } from "./feeds.ts";
import type { Builder, Dim, Graph, Node, OpSigs } from "../../src/compiler/ir/types.ts";

const none = {} as const;
const [B, D, one]: readonly [Dim, Dim, Dim] = [
  { name: "b", size: 2 },
  { name: "d", size: 4 },
  { name: "", size: 1 },
];
const full: readonly Dim[] = [B, D];
type Unary = {
  readonly [N in keyof OpSigs]: OpSigs[N] extends {
    inputs: [x: Node];
    attrs: Readonly<Record<string, never>>;
  }
    ? N
    : never;
}[keyof OpSigs];
const unaries: readonly Unary[] = [
  "neg",
  "sigmoid",
  "silu",
  "tanh",
  "relu",
  "cos",
  "stopGradient",
  "softmax",
  "erf",
];
const scalars = [0, 1, -1, 0.5, 2, -0.25];

/** One step: makes a node of shape [b, d] from two of the pool. */
const steps: readonly ((b: Builder, x: Node, y: Node, n: number) => Node)[] = [
  (b, x, _y, n) => b.emit(unaries[n % unaries.length]!, [x], none),
  (b, x, y) => b.emit("add", [x, y], none),
  (b, x, y) => b.emit("sub", [x, y], none),
  (b, x, y) => b.emit("tanh", [b.emit("mul", [x, y], none)], none),
  (b, x) => b.emit("tanh", [b.emit("square", [x], none)], none),
  (b, x, _y, n) =>
    b.emit(
      n % 2 === 0 ? "mul" : "add",
      [
        x,
        b.emit("full", [], {
          dtype: "f32",
          shape: n % 3 === 0 ? full : [],
          value: scalars[n % scalars.length]!,
        }),
      ],
      none,
    ),
  (b, x) => b.emit("transpose", [b.emit("transpose", [x], { perm: [1, 0] })], { perm: [1, 0] }),
  (b, x) => b.emit("reshape", [b.emit("reshape", [x], { shape: [D, B] })], { shape: full }),
  (b, x, _y, n) =>
    b.emit(
      "broadcastTo",
      [
        b.emit(n % 2 === 0 ? "reduceMean" : "reduceMax", [x], {
          axes: [n % 3 === 0 ? 0 : 1],
          keepDims: true,
        }),
      ],
      { shape: full },
    ),
  (b, x, y) =>
    b.emit(
      "tanh",
      [
        b.emit(
          "matMul",
          [
            b.emit("matMul", [x, b.emit("transpose", [y], { perm: [1, 0] })], {
              transposeX: false,
              transposeY: false,
            }),
            y,
          ],
          { transposeX: true, transposeY: false },
        ),
      ],
      none,
    ),
  (b, x, y) => {
    const half = [2, 2];
    const left = b.emit("slice", [x], { begin: [0, 0], size: half });
    return b.emit("concat", [left, b.emit("slice", [y], { begin: [0, 1], size: half })], {
      axis: 1,
    });
  },
  (b, x) =>
    b.emit("pad", [b.emit("slice", [x], { begin: [0, 1], size: [2, 3] })], {
      before: [0, 0],
      after: [0, 1],
    }),
  (b, x) =>
    b.emit("rmsNorm", [x, b.emit("state", [], { name: "gain", shape: [D] })], { eps: 0.01 }),
  (b, x) =>
    b.emit(
      "add",
      [x, b.emit("reshape", [b.emit("logSumExp", [x], none)], { shape: [B, one] })],
      none,
    ),
  (b, x, y) => {
    const condition = b.emit(
      "greater",
      [
        b.emit("input", [], { name: "x", dtype: "f32", shape: full }),
        b.emit("full", [], { dtype: "f32", shape: [], value: 0.1 }),
      ],
      none,
    );
    return b.emit("select", [condition, x, y], none);
  },
  (b, x) =>
    b.emit(
      "mul",
      [
        x,
        b.emit("cast", [b.emit("iota", [], { dtype: "i32", shape: [D], axis: 0 })], {
          dtype: "f32",
        }),
      ],
      none,
    ),
];

export interface RandomGraph {
  readonly graph: Graph;
  readonly feeds: Feeds;
}
const build = (
  code: readonly (readonly [number, number, number, number])[],
  values: readonly number[],
): RandomGraph => {
  const b = createBuilder();
  const x = b.emit("input", [], { name: "x", dtype: "f32", shape: full });
  const w = b.emit("state", [], { name: "w", shape: full });
  const pool: Node[] = [x, w];
  code.forEach(([op, i, j, n], at) => {
    const [left, right] = [
      pool[pool.length - 1 - (i % pool.length)]!,
      pool[pool.length - 1 - (j % pool.length)]!,
    ];
    // tanh bounds what would otherwise double at each step.
    const make = (): Node => b.emit("tanh", [steps[op % steps.length]!(b, left, right, n)], none);
    pool.push(n % 4 === 0 ? b.at(`step.${at}`, { file: 0, start: at, end: at + 1 }, make) : make());
  });
  const last = pool[pool.length - 1]!;
  const loss = b.emit("reduceSum", [last], { axes: [0, 1], keepDims: false });
  return {
    graph: {
      name: "random",
      inputs: [x],
      outputs: [
        { name: "loss", node: loss },
        { name: "some/where", node: pool[Math.floor(pool.length / 2)]! },
      ],
      updates: [{ state: "w", node: last }],
    },
    feeds: {
      inputs: { x: values.slice(0, 8) },
      state: { w: values.slice(8, 16), gain: values.slice(16) },
    },
  };
};

export const randomGraph: fc.Arbitrary<RandomGraph> = fc
  .tuple(
    fc.array(fc.tuple(fc.nat(1000), fc.nat(20), fc.nat(20), fc.nat(60)), {
      minLength: 1,
      maxLength: 24,
    }),
    fc.array(fc.double({ min: -1.5, max: 1.5, noNaN: true }), { minLength: 20, maxLength: 20 }),
  )
  .map(([code, values]) => build(code, values));
