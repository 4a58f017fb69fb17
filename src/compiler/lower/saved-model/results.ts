// How a function's body names the results of its nodes: "node:output_arg:index", with the output's name from TensorFlow's op
// registry (tf-ops.ts). A graph outside of functions says "node:number".
import { InternalError } from "../../diagnostics/types.ts";
import { OUTPUTS, type TfOp } from "../tf-ops.ts";

/** `reference` as in a node's inputs: "name" or "name:number". */
export const splitReference = (
  reference: string,
): { readonly node: string; readonly index: number } => {
  const colon = reference.lastIndexOf(":");
  return colon < 0
    ? { node: reference, index: 0 }
    : { node: reference.slice(0, colon), index: Number(reference.slice(colon + 1)) };
};

const isNamed = (op: TfOp): op is keyof typeof OUTPUTS => op in OUTPUTS;

export const resultName = (node: string, op: TfOp, index: number): string => {
  if (!isNamed(op))
    throw new InternalError(
      `saved model: the outputs of TensorFlow's ${op} ("${node}") have no names yet`,
    );
  const outputs: string | readonly string[] = OUTPUTS[op];
  if (typeof outputs === "string") return `${node}:${outputs}:${index}`;
  const output = outputs[index];
  if (output === undefined)
    throw new InternalError(`saved model: ${op} ("${node}") has no result ${index}`);
  return `${node}:${output}:0`;
};
