// The pieces that the graph outside of functions is put together from.
import { InternalError } from "../../diagnostics/types.ts";
import type { ProgramEntry, TensorSpec } from "../../../bundle/manifest.ts";
import type { Form, RunForm } from "../../../bundle/saved-model.ts";
import type { TensorDType, TfGraph, TfNode } from "../tf-nodes.ts";
import type { SignatureDef, TensorInfo } from "./messages.ts";
import { shapeOf, TYPE } from "./values.ts";

export type Part = Pick<TfNode, "name" | "op" | "inputs" | "attrs">;
/** Nodes, and the signatures made of them. */
export interface Signed {
  readonly parts: readonly Part[];
  readonly signatures: Readonly<Record<string, SignatureDef>>;
}
type Type = Omit<TensorSpec, "name">;

/** A program, and its nodes in each form that the file has of it. */
export interface Program {
  readonly entry: ProgramEntry;
  readonly graphs: { readonly [F in Form]?: TfGraph };
}
export const graphOf = ({ entry, graphs }: Program, form: Form): TfGraph => {
  const graph = graphs[form];
  if (graph === undefined)
    throw new InternalError(`saved model: ${entry.name} has no form "${form}" here`);
  return graph;
};
export const formsOf = ({ graphs }: Program): readonly Form[] =>
  Object.keys(graphs) as readonly Form[];
/** Forms that run it for its results. */
export const runForms = (program: Program): readonly RunForm[] =>
  formsOf(program).filter((form) => form !== "check");
/** Of a function in the library. */
export const functionName = ({ entry }: Program, form: Form): string =>
  `specc_${entry.name}${form === "plain" ? "" : `_${form}`}`;
export const handleNode = (state: string): string => `state/${state}`;
/** A control input: `node` runs before. */
export const after = (node: string): string => `^${node}`;

export const placeholder = (name: string, { dtype, shape }: Type): Part => ({
  ...{ name, op: "Placeholder", inputs: [] },
  attrs: { dtype: { type: dtype }, shape: { shape } },
});
export const constant = (
  name: string,
  { dtype, shape }: { readonly dtype: TensorDType; readonly shape: readonly number[] },
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
