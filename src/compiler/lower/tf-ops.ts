// The ops that nodes are of, each once: a misspelt one is a type error. TensorFlow's carry the names of their results in its op
// registry, which the body of a function calls them by.

/** A name: one output, which may be a list. Names: an output each. */
export const OUTPUTS = {
  Const: "output", Fill: "output", Range: "output", Identity: "output", IdentityN: "output", Reshape: "output", BroadcastTo: "output", Slice: "output",
  ConcatV2: "output", PadV2: "output", Sum: "output", Mean: "output", Max: "output", BatchMatMulV2: "output", GatherV2: "output",
  ExpandDims: "output", ArgMax: "output", All: "output", Min: "output", While: "output", StatefulPartitionedCall: "output",
  BatchMatMulV3: "output", XlaCallModule: "output", XlaOptimizationBarrier: "output",
  ScatterNd: "output", TensorScatterUpdate: "output", OneHot: "output", SelectV2: "output", CheckNumerics: "output",
  Conv2D: "output", Conv2DBackpropInput: "output", Conv2DBackpropFilter: "output",
  AddV2: "z", Sub: "z", Mul: "z", RealDiv: "z", Maximum: "z", Minimum: "z", Pow: "z", Equal: "z", Less: "z", LessEqual: "z",
  Greater: "z", GreaterEqual: "z", LogicalAnd: "z", LogicalOr: "z", RightShift: "z", BitwiseAnd: "z",
  Neg: "y", Exp: "y", Log: "y", Sqrt: "y", Rsqrt: "y", Square: "y", Abs: "y", Sigmoid: "y", Tanh: "y", Erf: "y", Cos: "y", Sin: "y",
  LogicalNot: "y", IsFinite: "y", Cast: "y", Transpose: "y",
  Relu: "activations", LeakyRelu: "activations",
  MatMul: "product", ReadVariableOp: "value", Cumsum: "out", TopKV2: ["values", "indices"],
} as const satisfies Readonly<Record<string, string | readonly string[]>>; // prettier-ignore

/** Of nodes outside of functions, whose results go by number. */
type Outside =
  | "Placeholder" | "VarHandleOp" | "AssignVariableOp" | "ResourceStridedSliceAssign" | "StridedSlice"
  | "AddN" | "Pack" | "Unpack" | "Split"; // prettier-ignore

/** What no TensorFlow has: kernels of our own, in modules that are planned. */
type Own = "TopK" | "WriteRows" | "GroupedMatMul" | "GroupedOuter";

export type TfOp = keyof typeof OUTPUTS | Outside | Own;
