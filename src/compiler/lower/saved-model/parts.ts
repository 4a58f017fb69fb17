// The pieces that the graph outside of functions is put together from.
import { InternalError } from "../../diagnostics/types.ts";
import type { ProgramEntry, TensorSpec } from "../../../bundle/manifest.ts";
import type { Form } from "../../../bundle/saved-model.ts";
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

/** A program, and its nodes in each form of the file; the same nodes where forms do not differ. */
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
/** Of a function in the library: forms with the same nodes call the same one. */
export const functionName = (program: Program, form: Form): string => {
  const { entry, graphs } = program;
  const graph = graphOf(program, form);
  const first = (Object.keys(graphs) as readonly Form[]).find((f) => graphs[f] === graph);
  return `specc_${entry.name}${first === "plain" ? "" : `_${first}`}`;
};
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
