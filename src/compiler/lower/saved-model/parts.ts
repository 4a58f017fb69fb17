// The pieces that the graph outside of functions is put together from.
import type { TensorSpec } from "../../../bundle/manifest.ts";
import type { Form } from "../../../bundle/saved-model.ts";
import type { TfNode } from "../tf-nodes.ts";
import type { SignatureDef, TensorInfo } from "./messages.ts";
import { shapeOf, TYPE } from "./values.ts";

export type Part = Pick<TfNode, "name" | "op" | "inputs" | "attrs">;
/** Nodes, and the signatures made of them. */
export interface Signed {
  readonly parts: readonly Part[];
  readonly signatures: Readonly<Record<string, SignatureDef>>;
}
type Type = Omit<TensorSpec, "name">;

/** Of a function in the library. The XLA form calls the plain function. */
export const functionName = (program: string, form: Form): string =>
  form === "check" ? `specc_${program}_check` : `specc_${program}`;
export const handleNode = (state: string): string => `state/${state}`;
/** A control input: `node` runs before. */
export const after = (node: string): string => `^${node}`;

export const placeholder = (name: string, { dtype, shape }: Type): Part => ({
  ...{ name, op: "Placeholder", inputs: [] },
  attrs: { dtype: { type: dtype }, shape: { shape } },
});
export const constant = (
  name: string,
  { dtype, shape }: Type,
  values: readonly number[],
): Part => ({
  ...{ name, op: "Const", inputs: [] },
  attrs: { dtype: { type: dtype }, value: { tensor: { dtype, shape, values } } },
});

const DONE: Type = { dtype: "i32", shape: [] };
/** Something to fetch that comes when all of `nodes` have run. */
export const done = (name: string, nodes: readonly string[]): Part => ({
  ...constant(name, DONE, [1]),
  inputs: nodes.map(after),
});

const info = (name: string, { dtype, shape }: Type): TensorInfo => ({
  name,
  dtype: TYPE[dtype],
  tensorShape: shapeOf(shape),
});
/** @param inputs and outputs by name, each with its tensor: "node:number" */
export const signature = (
  inputs: readonly (readonly [TensorSpec, tensor: string])[],
  outputs: readonly (readonly [TensorSpec, tensor: string])[] | { readonly done: string },
): SignatureDef => {
  const infos = (list: readonly (readonly [TensorSpec, string])[]): SignatureDef["inputs"] =>
    Object.fromEntries(list.map(([spec, tensor]) => [spec.name, info(tensor, spec)]));
  return {
    inputs: infos(inputs),
    outputs: "done" in outputs ? { done: info(`${outputs.done}:0`, DONE) } : infos(outputs),
    methodName: "tensorflow/serving/predict",
  };
};
