// How a function's body names the results of its nodes: "node:output_arg:index", with the output's name from TensorFlow's op
// registry. A graph outside of functions says "node:number".
import { InternalError } from "../../diagnostics/types.ts";

/** A name: one output, which may be a list. Names: an output each. */
const OUTPUTS: Readonly<Record<string, string | readonly string[]>> = {
  Const: "output", Fill: "output", Range: "output", Identity: "output", IdentityN: "output", Reshape: "output", BroadcastTo: "output", Slice: "output",
  ConcatV2: "output", PadV2: "output", Sum: "output", Mean: "output", Max: "output", BatchMatMulV2: "output", GatherV2: "output",
  ExpandDims: "output", ArgMax: "output", All: "output", Min: "output", While: "output", StatefulPartitionedCall: "output",
  BatchMatMulV3: "output", XlaCallModule: "output", XlaOptimizationBarrier: "output",
  ScatterNd: "output", TensorScatterUpdate: "output", XlaDynamicUpdateSlice: "output", OneHot: "output", SelectV2: "output", CheckNumerics: "output",
  Conv2D: "output", Conv2DBackpropInput: "output", Conv2DBackpropFilter: "output",
  AddV2: "z", Sub: "z", Mul: "z", RealDiv: "z", Maximum: "z", Minimum: "z", Pow: "z", Equal: "z", Less: "z", LessEqual: "z",
  Greater: "z", GreaterEqual: "z", LogicalAnd: "z", LogicalOr: "z", RightShift: "z", BitwiseAnd: "z",
  Neg: "y", Exp: "y", Log: "y", Sqrt: "y", Rsqrt: "y", Square: "y", Abs: "y", Sigmoid: "y", Tanh: "y", Erf: "y", Cos: "y", Sin: "y",
  LogicalNot: "y", IsFinite: "y", Cast: "y", Transpose: "y",
  Relu: "activations", LeakyRelu: "activations",
  MatMul: "product", ReadVariableOp: "value", Cumsum: "out", TopKV2: ["values", "indices"],
}; // prettier-ignore

/** `reference` as in a node's inputs: "name" or "name:number". */
export const splitReference = (
  reference: string,
): { readonly node: string; readonly index: number } => {
  const colon = reference.lastIndexOf(":");
  return colon < 0
    ? { node: reference, index: 0 }
    : { node: reference.slice(0, colon), index: Number(reference.slice(colon + 1)) };
};

export const resultName = (node: string, op: string, index: number): string => {
  const outputs = OUTPUTS[op];
  if (outputs === undefined)
    throw new InternalError(
      `saved model: the outputs of TensorFlow's ${op} ("${node}") have no names yet`,
    );
  if (typeof outputs === "string") return `${node}:${outputs}:${index}`;
  const output = outputs[index];
  if (output === undefined)
    throw new InternalError(`saved model: ${op} ("${node}") has no result ${index}`);
  return `${node}:${output}:0`;
};
