// Elementwise ops: functions of one element, and of two that broadcast as NumPy does.
import { broadcastOffsets, count, sizes } from "../shape.ts";
import type { Builder, DType, Node, OpTable } from "../types.ts";
import { erf } from "./erf.ts";
import {
  elementCost,
  fault,
  floatOnly,
  inferBinary,
  isFloat,
  none,
  scalarLike,
  sumTo,
  toType,
  type Of1,
  type Of2,
} from "./row.ts";

type D1 = (b: Builder, x: Node, y: Node, dy: Node) => Node;
/** A function of one float element: `f` its value, `d` its gradient given input x, result y and dy. */
const unary = (doc: string, f: (x: number) => number, d: D1, values = "any", flops = 1) => ({
  doc,
  kind: "primitive" as const,
  infer: floatOnly,
  grad: (b: Builder, node: Of1, dy: Node): [Node] => [d(b, node.inputs[0], node, dy)],
  evaluate: ([x]: readonly [Float64Array]) => x.map(f),
  cost: elementCost(flops),
  samples: [
    { inputs: ["f32[b=2,d=3]"], attrs: none, values: [values] },
    { inputs: ["f32[]"], attrs: none, values: [values] },
  ],
});

const evaluateBinary =
  (f: (x: number, y: number) => number) =>
  ([x, y]: readonly [Float64Array, Float64Array], node: Of2): Float64Array => {
    const shape = sizes(node.type);
    const ox = broadcastOffsets(sizes(node.inputs[0].type), shape);
    const oy = broadcastOffsets(sizes(node.inputs[1].type), shape);
    const out = new Float64Array(count(node.type));
    for (let i = 0; i < out.length; i++) out[i] = f(x[ox[i]!]!, y[oy[i]!]!);
    return out;
  };
const pairs = (values: readonly string[], dtype = "f32") => [
  { inputs: [`${dtype}[b=2,d=3]`, `${dtype}[b=2,d=3]`], attrs: none, values },
  { inputs: [`${dtype}[b=2,t=3,d=4]`, `${dtype}[d=4]`], attrs: none, values },
  { inputs: [`${dtype}[]`, `${dtype}[b=2,t=1]`], attrs: none, values },
];
type D2 = (b: Builder, x: Node, y: Node, out: Node, dy: Node) => [Node, Node];
/** A function of two float elements; `d` gives the gradients before they are summed back to the operands' shapes. */
const binary = (
  doc: string,
  f: (x: number, y: number) => number,
  d: D2,
  values: readonly string[] = ["any", "any"],
) => ({
  doc,
  kind: "primitive" as const,
  infer: inferBinary("same"),
  grad: (b: Builder, node: Of2, dy: Node): [Node, Node] => {
    const x = node.inputs[0];
    const y = node.inputs[1];
    const [dx, dz] = d(b, x, y, node, dy);
    return [sumTo(b, dx, x), sumTo(b, dz, y)];
  },
  evaluate: evaluateBinary(f),
  cost: elementCost(1),
  samples: pairs(values),
});
const compare = (doc: string, f: (x: number, y: number) => boolean) => ({
  doc,
  kind: "primitive" as const,
  infer: inferBinary("bool"),
  grad: "zero" as const,
  evaluate: evaluateBinary((x, y) => (f(x, y) ? 1 : 0)),
  cost: elementCost(1),
  samples: pairs(["grid", "grid"]),
});

const mul = (b: Builder, x: Node, y: Node): Node => b.emit("mul", [x, y], none);
const zerosLike = (b: Builder, x: Node): Node =>
  b.emit("full", [], { dtype: x.type.dtype, shape: x.type.shape, value: 0 });
const where = (b: Builder, test: Node, x: Node, y: Node): Node =>
  b.emit("select", [test, x, y], none);
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

type Elementwise = Pick<
  OpTable,
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "maximum"
  | "minimum"
  | "pow"
  | "neg"
  | "exp"
  | "log"
  | "sqrt"
  | "rsqrt"
  | "square"
  | "abs"
  | "sigmoid"
  | "tanh"
  | "erf"
  | "relu"
  | "leakyRelu"
  | "cos"
  | "sin"
  | "stopGradient"
  | "equal"
  | "less"
  | "lessEqual"
  | "greater"
  | "greaterEqual"
  | "and"
  | "not"
  | "isFinite"
  | "select"
  | "cast"
>;

export const elementwise: Elementwise = {
  add: binary(
    "x + y",
    (x, y) => x + y,
    (_b, _x, _y, _o, dy) => [dy, dy],
  ),
  sub: binary(
    "x - y",
    (x, y) => x - y,
    (b, _x, _y, _o, dy) => [dy, b.emit("neg", [dy], none)],
  ),
  mul: binary(
    "x · y",
    (x, y) => x * y,
    (b, x, y, _o, dy) => [mul(b, dy, y), mul(b, dy, x)],
  ),
  div: binary(
    "x / y",
    (x, y) => x / y,
    (b, _x, y, out, dy) => {
      const dx = b.emit("div", [dy, y], none);
      return [dx, b.emit("neg", [mul(b, dx, out)], none)];
    },
    ["any", "positive"],
  ),
  maximum: binary(
    "the larger of x and y; where they are equal the gradient goes to x",
    (x, y) => Math.max(x, y),
    (b, x, y, _o, dy) => {
      const first = b.emit("greaterEqual", [x, y], none);
      const zero = zerosLike(b, dy);
      return [where(b, first, dy, zero), where(b, first, zero, dy)];
    },
  ),
  minimum: binary(
    "the smaller of x and y; where they are equal the gradient goes to x",
    (x, y) => Math.min(x, y),
    (b, x, y, _o, dy) => {
      const first = b.emit("lessEqual", [x, y], none);
      const zero = zerosLike(b, dy);
      return [where(b, first, dy, zero), where(b, first, zero, dy)];
    },
  ),
  pow: binary(
    "x to the power y, for x > 0",
    (x, y) => x ** y,
    (b, x, y, out, dy) => {
      const lowered = b.emit("pow", [x, b.emit("sub", [y, scalarLike(b, y, 1)], none)], none);
      return [mul(b, dy, mul(b, y, lowered)), mul(b, dy, mul(b, out, b.emit("log", [x], none)))];
    },
    ["positive", "any"],
  ),
  neg: unary(
    "-x",
    (x) => -x,
    (b, _x, _y, dy) => b.emit("neg", [dy], none),
  ),
  exp: unary("e^x", Math.exp, (b, _x, y, dy) => mul(b, dy, y)),
  log: unary(
    "natural logarithm, for x > 0",
    Math.log,
    (b, x, _y, dy) => b.emit("div", [dy, x], none),
    "positive",
  ),
  sqrt: unary(
    "square root, for x > 0",
    Math.sqrt,
    (b, _x, y, dy) => b.emit("div", [mul(b, dy, scalarLike(b, dy, 0.5)), y], none),
    "positive",
  ),
  rsqrt: unary(
    "1 / √x, for x > 0",
    (x) => 1 / Math.sqrt(x),
    (b, x, y, dy) => mul(b, dy, b.emit("div", [mul(b, y, scalarLike(b, dy, -0.5)), x], none)),
    "positive",
  ),
  square: unary(
    "x²",
    (x) => x * x,
    (b, x, _y, dy) => mul(b, dy, mul(b, x, scalarLike(b, dy, 2))),
  ),
  abs: unary(
    "|x|; the gradient at 0 is dy",
    Math.abs,
    (b, x, _y, dy) =>
      where(
        b,
        b.emit("greaterEqual", [x, scalarLike(b, dy, 0)], none),
        dy,
        b.emit("neg", [dy], none),
      ),
    "apart",
  ),
  sigmoid: unary(
    "1 / (1 + e^-x)",
    sigmoid,
    (b, _x, y, dy) => mul(b, dy, mul(b, y, b.emit("sub", [scalarLike(b, dy, 1), y], none))),
    "any",
    4,
  ),
  tanh: unary(
    "hyperbolic tangent",
    Math.tanh,
    (b, _x, y, dy) =>
      mul(b, dy, b.emit("sub", [scalarLike(b, dy, 1), b.emit("square", [y], none)], none)),
    "any",
    4,
  ),
  erf: unary(
    "error function, 2/√π ∫₀ˣ e^(-t²) dt",
    erf,
    (b, x, _y, dy) => {
      const bell = b.emit("exp", [b.emit("neg", [b.emit("square", [x], none)], none)], none);
      return mul(b, dy, mul(b, bell, scalarLike(b, dy, 2 / Math.sqrt(Math.PI))));
    },
    "any",
    8,
  ),
  relu: unary(
    "max(x, 0); the gradient at 0 is 0",
    (x) => Math.max(x, 0),
    (b, x, _y, dy) =>
      where(b, b.emit("greater", [x, scalarLike(b, dy, 0)], none), dy, zerosLike(b, dy)),
    "apart",
  ),
  leakyRelu: {
    doc: "x where x > 0, else slope · x; the gradient at 0 is slope · dy",
    kind: "primitive",
    infer: floatOnly,
    grad: (b, node, dy) => [
      where(
        b,
        b.emit("greater", [node.inputs[0], scalarLike(b, dy, 0)], none),
        dy,
        mul(b, dy, scalarLike(b, dy, node.attrs.slope)),
      ),
    ],
    evaluate: ([x], node) => x.map((v) => (v > 0 ? v : v * node.attrs.slope)),
    cost: elementCost(2),
    samples: [{ inputs: ["f32[b=2,d=3]"], attrs: { slope: 0.1 }, values: ["apart"] }],
  },
  cos: unary("cosine, x in radians", Math.cos, (b, x, _y, dy) =>
    b.emit("neg", [mul(b, dy, b.emit("sin", [x], none))], none),
  ),
  sin: unary("sine, x in radians", Math.sin, (b, x, _y, dy) =>
    mul(b, dy, b.emit("cos", [x], none)),
  ),
  stopGradient: {
    doc: "x; no gradient flows through it",
    kind: "primitive",
    infer: ([x]) => x,
    grad: "zero",
    evaluate: ([x]) => x.slice(),
    cost: elementCost(0),
    samples: [{ inputs: ["f32[b=2,d=3]"], attrs: none }],
  },
  equal: compare("x = y", (x, y) => x === y),
  less: compare("x < y", (x, y) => x < y),
  lessEqual: compare("x ≤ y", (x, y) => x <= y),
  greater: compare("x > y", (x, y) => x > y),
  greaterEqual: compare("x ≥ y", (x, y) => x >= y),
  and: {
    doc: "both are true",
    kind: "primitive",
    infer: ([x, y]) =>
      x.dtype === "bool" && y.dtype === "bool"
        ? inferBinary("bool")([x, y])
        : fault("needs two bool operands"),
    grad: "zero",
    evaluate: evaluateBinary((x, y) => x * y),
    cost: elementCost(1),
    samples: pairs(["bool", "bool"], "bool"),
  },
  not: {
    doc: "true where x is false",
    kind: "primitive",
    infer: ([x]) => (x.dtype === "bool" ? x : fault("needs a bool operand")),
    grad: "zero",
    evaluate: ([x]) => x.map((v) => 1 - v),
    cost: elementCost(1),
    samples: [{ inputs: ["bool[b=2,d=3]"], attrs: none, values: ["bool"] }],
  },
  isFinite: {
    doc: "neither infinite nor NaN",
    kind: "primitive",
    infer: ([x]) =>
      isFloat(x.dtype) ? { dtype: "bool", shape: x.shape } : fault("needs a float operand"),
    grad: "zero",
    evaluate: ([x]) => x.map((v) => (Number.isFinite(v) ? 1 : 0)),
    cost: elementCost(1),
    samples: [{ inputs: ["f32[b=2,d=3]"], attrs: none }],
  },
  select: {
    doc: "x where the condition is true, else y; all three broadcast",
    kind: "primitive",
    infer: ([test, x, y]) => {
      const both = inferBinary("same")([x, y]);
      if (test.dtype !== "bool") return fault("the condition must be bool");
      if ("fault" in both) return both;
      const all = inferBinary("same")([{ dtype: both.dtype, shape: test.shape }, both]);
      return all;
    },
    grad: (b, node, dy) => {
      const [test, x, y] = node.inputs;
      const zero = zerosLike(b, dy);
      return [null, sumTo(b, where(b, test, dy, zero), x), sumTo(b, where(b, test, zero, dy), y)];
    },
    evaluate: ([test, x, y], node) => {
      const shape = sizes(node.type);
      const [ot, ox, oy] = node.inputs.map((n) => broadcastOffsets(sizes(n.type), shape)) as [
        Int32Array,
        Int32Array,
        Int32Array,
      ];
      const out = new Float64Array(count(node.type));
      for (let i = 0; i < out.length; i++) out[i] = test[ot[i]!]! !== 0 ? x[ox[i]!]! : y[oy[i]!]!;
      return out;
    },
    cost: elementCost(1),
    samples: [
      {
        inputs: ["bool[b=2,d=3]", "f32[b=2,d=3]", "f32[b=2,d=3]"],
        attrs: none,
        values: ["bool", "any", "any"],
      },
      {
        inputs: ["bool[t=3,s=3]", "f32[b=2,t=3,s=3]", "f32[]"],
        attrs: none,
        values: ["bool", "any", "any"],
      },
    ],
  },
  cast: {
    doc: "the same values in another type; f32 to bf16 rounds to nearest even, floats to i32 drop the fraction, to bool asks x ≠ 0",
    kind: "primitive",
    infer: ([x], attrs) => ({ dtype: attrs.dtype, shape: x.shape }),
    grad: (b, node, dy) => {
      const { dtype } = node.inputs[0].type;
      return [isFloat(dtype) && isFloat(node.attrs.dtype) ? atAccuracy(b, dy, dtype) : null];
    },
    evaluate: ([x], node) =>
      node.attrs.dtype === "i32"
        ? x.map(Math.trunc)
        : node.attrs.dtype === "bool"
          ? x.map((v) => (v === 0 ? 0 : 1))
          : x.slice(),
    cost: elementCost(1),
    samples: [
      { inputs: ["i32[b=2,d=3]"], attrs: { dtype: "f32" }, values: ["ids<5"] },
      { inputs: ["bool[b=2,d=3]"], attrs: { dtype: "f32" }, values: ["bool"] },
      { inputs: ["f32[b=2,d=3]"], attrs: { dtype: "i32" } },
      { inputs: ["f32[b=2,d=3]"], attrs: { dtype: "bf16" } },
      { inputs: ["bf16[b=2,d=3]"], attrs: { dtype: "f32" } },
    ],
  },
};

/** A gradient in the type of what it belongs to. A product has f32 sums: they are taken as they are, not rounded and widened. */
const atAccuracy = (b: Builder, dy: Node, dtype: DType): Node =>
  dtype === "f32" && dy.op === "matMul" && dy.type.dtype === "bf16"
    ? b.emit("matMul", dy.inputs, { ...dy.attrs, out: "f32" })
    : toType(b, dy, dtype);
