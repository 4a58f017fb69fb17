// The pieces that the graph outside of functions is put together from.
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

/** A program as written for any device, and where another form of it has better nodes, for that one. */
export interface Program {
  readonly entry: ProgramEntry;
  readonly graph: TfGraph;
  readonly own?: { readonly [F in "xla" | "cudnn"]?: TfGraph };
}
/** The form whose function a form calls: its own, or that of one with fewer demands. */
const writtenAs = ({ own = {} }: Program, form: Form): Form => {
  if (form === "cudnn" && own.cudnn === undefined) return own.xla === undefined ? "plain" : "xla";
  if (form === "xla" && own.xla === undefined) return "plain";
  return form;
};
/** Of a function in the library. */
export const functionName = (program: Program, form: Form): string => {
  const written = writtenAs(program, form);
  return `specc_${program.entry.name}${written === "plain" ? "" : `_${written}`}`;
};
export const graphOf = (program: Program, form: Form): TfGraph => {
  const written = writtenAs(program, form);
  return (
    (written === "plain" || written === "check" ? undefined : program.own?.[written]) ??
    program.graph
  );
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
