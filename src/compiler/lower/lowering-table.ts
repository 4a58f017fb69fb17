// The one table from ops to TensorFlow nodes, total over the op set. An op either gives nodes through `Emit` (names, types
// and constants are Emit's business) or says "expand": the graph must come with such ops already expanded.
import { sizeOf } from "../../bundle/tensor.ts";
import type { Node, OpName } from "../ir/types.ts";
import type { Attr } from "./tf-nodes.ts";
import type { TfOp } from "./tf-ops.ts";
import { counted, reshaped, type Emit, type Value } from "./emit.ts";
import { plainMatMul } from "./products.ts";

type Lower<N extends OpName> = (emit: Emit, inputs: readonly Value[], node: Node<N>) => Value;
export type LoweringTable = { readonly [N in OpName]: Lower<N> | "expand" };

const shapeOf = (node: Node): readonly number[] => node.type.shape.map((dim) => dim.size);
const plain =
  (op: TfOp) =>
  (emit: Emit, inputs: readonly Value[]): Value =>
    emit.node(op, inputs, { T: { type: inputs.at(-1)!.dtype } });
const reduction =
  (op: TfOp) =>
  (
    emit: Emit,
    [x]: readonly Value[],
    node: Node<"reduceSum" | "reduceMean" | "reduceMax">,
  ): Value =>
    emit.node(op, [x!, emit.ints(node.attrs.axes)], {
      T: { type: x!.dtype },
      Tidx: { type: "i32" },
      keep_dims: { bool: node.attrs.keepDims },
    });

/** Edges are padded before, so every window is a whole one. */
const windowAttrs = (
  node: Node<"conv2d" | "conv2dInputGrad" | "conv2dKernelGrad">,
): Readonly<Record<string, Attr>> => ({
  T: { type: node.type.dtype },
  strides: { ints: [1, node.attrs.stride, node.attrs.stride, 1] },
  padding: { string: "VALID" },
  explicit_paddings: { ints: [] },
  data_format: { string: "NHWC" },
  dilations: { ints: [1, 1, 1, 1] },
  use_cudnn_on_gpu: { bool: true },
});

export const LOWERING: LoweringTable = {
  input: (emit, _, node) =>
    emit.node("Placeholder", [], {
      dtype: { type: node.attrs.dtype },
      shape: { shape: shapeOf(node) },
    }),
  state: (emit, _, node) =>
    emit.node("Placeholder", [], {
      dtype: { type: node.type.dtype },
      shape: { shape: shapeOf(node) },
    }),
  constant: (emit, _, node) => emit.tensor(node.attrs.values, shapeOf(node), node.attrs.dtype),
  full: (emit, _, node) => {
    const value = emit.tensor([node.attrs.value], [], node.attrs.dtype);
    const shape = shapeOf(node);
    return shape.length === 0
      ? value
      : emit.node("Fill", [emit.ints(shape), value], { T: { type: node.attrs.dtype } });
  },
  iota: (emit, _, node) => counted(emit, shapeOf(node), node.attrs.axis, node.attrs.dtype),
  add: plain("AddV2"),
  sub: plain("Sub"),
  mul: plain("Mul"),
  div: plain("RealDiv"),
  maximum: plain("Maximum"),
  minimum: plain("Minimum"),
  pow: plain("Pow"),
  neg: plain("Neg"),
  exp: plain("Exp"),
  log: plain("Log"),
  sqrt: plain("Sqrt"),
  rsqrt: plain("Rsqrt"),
  square: plain("Square"),
  abs: plain("Abs"),
  sigmoid: plain("Sigmoid"),
  silu: (emit, [x]) => {
    const type = { T: { type: x!.dtype } } as const;
    return emit.node("Mul", [x!, emit.node("Sigmoid", [x!], type)], type);
  },
  tanh: plain("Tanh"),
  erf: plain("Erf"),
  relu: plain("Relu"),
  leakyRelu: (emit, inputs, node) =>
    emit.node("LeakyRelu", inputs, {
      T: { type: node.type.dtype },
      alpha: { float: node.attrs.slope },
    }),
  gelu: "expand",
  cos: plain("Cos"),
  sin: plain("Sin"),
  stopGradient: plain("Identity"),
  barrier: (emit, inputs, node) =>
    emit.node("Identity", [inputs[node.attrs.of]!], { T: { type: node.type.dtype } }),
  equal: plain("Equal"),
  less: plain("Less"),
  lessEqual: plain("LessEqual"),
  greater: plain("Greater"),
  greaterEqual: plain("GreaterEqual"),
  and: (emit, inputs) => emit.node("LogicalAnd", inputs),
  not: (emit, inputs) => emit.node("LogicalNot", inputs),
  isFinite: plain("IsFinite"),
  select: plain("SelectV2"),
  cast: (emit, [x], node) =>
    emit.node("Cast", [x!], { SrcT: { type: x!.dtype }, DstT: { type: node.attrs.dtype } }),
  reshape: (emit, [x], node) => reshaped(emit, x!, shapeOf(node)),
  transpose: (emit, [x], node) =>
    emit.node("Transpose", [x!, emit.ints(node.attrs.perm)], {
      T: { type: x!.dtype },
      Tperm: { type: "i32" },
    }),
  broadcastTo: (emit, [x], node) =>
    emit.node("BroadcastTo", [x!, emit.ints(shapeOf(node))], {
      T: { type: x!.dtype },
      Tidx: { type: "i32" },
    }),
  slice: (emit, [x], node) =>
    emit.node("Slice", [x!, emit.ints(node.attrs.begin), emit.ints(node.attrs.size)], {
      T: { type: x!.dtype },
      Index: { type: "i32" },
    }),
  concat: (emit, inputs, node) =>
    emit.node("ConcatV2", [...inputs, emit.ints(node.attrs.axis)], {
      T: { type: node.type.dtype },
      N: { int: inputs.length },
      Tidx: { type: "i32" },
    }),
  pad: (emit, [x], node) => {
    const { before, after } = node.attrs;
    const pairs = emit.tensor(
      before.flatMap((n, d) => [n, after[d]!]),
      [before.length, 2],
      "i32",
    );
    return emit.node("PadV2", [x!, pairs, emit.tensor([0], [], x!.dtype)], {
      T: { type: x!.dtype },
      Tpaddings: { type: "i32" },
    });
  },
  reduceSum: reduction("Sum"),
  reduceMean: reduction("Mean"),
  reduceMax: reduction("Max"),
  matMul: plainMatMul,
  gather: (emit, [table, ids]) =>
    emit.node("GatherV2", [table!, ids!, emit.ints(0)], {
      Tparams: { type: table!.dtype },
      Tindices: { type: "i32" },
      Taxis: { type: "i32" },
    }),
  scatterAdd: (emit, [ids, rows], node) => {
    const count = sizeOf(ids!.shape);
    const shape = shapeOf(node);
    const at = reshaped(emit, ids!, [count, 1]);
    const flat = reshaped(emit, rows!, [count, shape.at(-1)!]);
    return emit.node("ScatterNd", [at, flat, emit.ints(shape)], {
      T: { type: node.type.dtype },
      Tindices: { type: "i32" },
    });
  },
  // an integer one-hot, cast: the wasm backend's float one holds the bits of integers
  oneHot: (emit, [ids], node) => {
    const depth = emit.ints(node.attrs.depth.size);
    const hot = emit.node(
      "OneHot",
      [ids!, depth, emit.ints(1), emit.ints(0)],
      { T: { type: "i32" }, TI: { type: "i32" }, axis: { int: -1 } },
      { dtype: "i32" },
    );
    return emit.node("Cast", [hot], { SrcT: { type: "i32" }, DstT: { type: "f32" } });
  },
  // the places are the node's second result
  topK: (emit, [x], node) => {
    const shape = shapeOf(node);
    const places = { dtype: "i32", shape } as const;
    const k = emit.tensor([node.attrs.k.size], [], "i32");
    const largest = emit.node(
      "TopKV2",
      [x!, k],
      { T: { type: x!.dtype }, sorted: { bool: true } },
      { dtype: x!.dtype, others: [places] },
    );
    const second = { ...places, name: `${largest.name}:1` };
    return emit.node("Identity", [second], { T: { type: "i32" } });
  },
  cumSum: (emit, [x], node) => {
    const { axis, exclusive, reverse } = node.attrs;
    return emit.node("Cumsum", [x!, emit.tensor([axis], [], "i32")], {
      T: { type: node.type.dtype },
      Tidx: { type: "i32" },
      exclusive: { bool: exclusive },
      reverse: { bool: reverse },
    });
  },
  groupedMatMul: "expand",
  groupedOuter: "expand",
  conv2d: (emit, inputs, node) => emit.node("Conv2D", inputs, windowAttrs(node)),
  conv2dInputGrad: (emit, [dy, kernel], node) =>
    emit.node("Conv2DBackpropInput", [emit.ints(shapeOf(node)), kernel!, dy!], windowAttrs(node)),
  conv2dKernelGrad: (emit, [x, dy], node) =>
    emit.node("Conv2DBackpropFilter", [x!, emit.ints(shapeOf(node)), dy!], windowAttrs(node)),
  batchNorm: "expand",
  maxPool: "expand",
  softmax: "expand",
  logSumExp: "expand",
  rmsNorm: "expand",
  layerNorm: "expand",
  rope: "expand",
  attention: "expand",
  writeRows: "expand",
  attentionStats: "expand",
  attentionGrad: "expand",
  crossEntropy: "expand",
  crossEntropyGrad: "expand",
};
