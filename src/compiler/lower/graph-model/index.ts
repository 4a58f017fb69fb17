// A program as a TensorFlow.js GraphModel, which stock `tf.loadGraphModel` runs: model.json (topology, signature, manifest) and
// one shard of weights. The functional form: state that the program updates (the caches of generation) goes in and comes out
// under its name, and the rest of the state is constants.
import { InternalError } from "../../diagnostics/types.ts";
import { joined, littleEndian } from "./bytes.ts";
import type { DType } from "../../../bundle/manifest.ts";
import type { Tensors } from "../../../bundle/tensor.ts";
import type { Graph } from "../../ir/types.ts";
import { lowerGraph } from "../lower-graph.ts";
import type { LoweringTable } from "../lowering-table.ts";
import { plainGraph, type Attr, type PlainNode, type TfType } from "../tf-nodes.ts";

const TYPE: Readonly<Record<TfType, string>> = {
  f32: "DT_FLOAT",
  bf16: "DT_BFLOAT16",
  f64: "DT_DOUBLE",
  i32: "DT_INT32",
  bool: "DT_BOOL",
  resource: "DT_RESOURCE",
};
const WEIGHT_TYPE: Readonly<Record<DType, string>> = { f32: "float32", i32: "int32", bool: "bool" };
const SHARD = "group1-shard1of1.bin";
/** The GraphDef version of TensorFlow 2.12 and later; readers only ask that it is not too old. */
const PRODUCER = 1395;

/** What stock TensorFlow.js has no kernel for. */
const MISSING: Partial<LoweringTable> = { conv2dKernelGrad: "expand" };

const shapeProto = (shape: readonly number[]): object => ({
  dim: shape.map((size) => ({ size: String(size) })),
});
const base64 = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
const textProto = (text: string): string => base64(new TextEncoder().encode(text));
/** Constants' values lie in the shard, so their attribute only says what they are. */
const attrProto = (attr: Attr): object => {
  if ("type" in attr) return { type: TYPE[attr.type] };
  if ("int" in attr) return { i: String(attr.int) };
  if ("float" in attr) return { f: attr.float };
  if ("bool" in attr) return { b: attr.bool };
  if ("string" in attr) return { s: textProto(attr.string) };
  if ("bytes" in attr) return { s: base64(attr.bytes) };
  if ("shape" in attr) return { shape: shapeProto(attr.shape) };
  if ("function" in attr) return { func: { name: attr.function } };
  if ("types" in attr) return { list: { type: attr.types.map((type) => TYPE[type]) } };
  if ("ints" in attr) return { list: { i: attr.ints.map(String) } };
  if ("strings" in attr) return { list: { s: attr.strings.map(textProto) } };
  if ("shapes" in attr) return { list: { shape: attr.shapes.map(shapeProto) } };
  if ("functions" in attr) return { list: { func: attr.functions.map((name) => ({ name })) } };
  return { tensor: { dtype: TYPE[attr.tensor.dtype], tensorShape: shapeProto(attr.tensor.shape) } };
};
const constantAttrs = (node: PlainNode): PlainNode["attrs"] => ({
  dtype: { type: node.dtype },
  value: { tensor: { dtype: node.dtype, shape: node.shape, values: [] } },
});

export interface GraphModelFiles {
  readonly "model.json": string;
  readonly "group1-shard1of1.bin": Uint8Array<ArrayBuffer>;
}

/** `state`: values for every state that the program reads and does not update. */
export const graphModel = (graph: Graph, state: Tensors): GraphModelFiles => {
  const lowered = plainGraph(lowerGraph(graph, MISSING), "a GraphModel");
  const updated = new Set(lowered.updates.map((update) => update.state));
  const carried = lowered.reads.filter((read) => updated.has(read.state));
  const stateOf = new Map(
    lowered.reads.flatMap((read) => (updated.has(read.state) ? [] : [[read.node, read.state]])),
  );
  const bytes: Uint8Array[] = [];
  const weights: object[] = [];
  const weight = (node: PlainNode, values: ArrayLike<number>): void => {
    weights.push({ name: node.name, shape: node.shape, dtype: WEIGHT_TYPE[node.dtype] });
    bytes.push(littleEndian(values, node.dtype));
  };
  const nodes = lowered.nodes.map((node) => {
    const from = stateOf.get(node.name);
    if (from !== undefined) {
      const values = state[from];
      if (values === undefined)
        throw new InternalError(`graph model of "${graph.name}": no value for the state "${from}"`);
      weight(node, values.data);
    }
    const { value } = node.attrs;
    if (value !== undefined && "tensor" in value) weight(node, value.tensor.values);
    const constant = from !== undefined || node.op === "Const";
    const attrs = constant ? constantAttrs(node) : node.attrs;
    return {
      name: node.name,
      op: constant ? "Const" : node.op,
      input: node.inputs,
      attr: Object.fromEntries(Object.entries(attrs).map(([key, attr]) => [key, attrProto(attr)])),
    };
  });
  const byName = new Map(lowered.nodes.map((node) => [node.name, node]));
  const edge = (node: string): object => {
    const { dtype, shape } = byName.get(node)!;
    return { name: `${node}:0`, dtype: TYPE[dtype], tensorShape: shapeProto(shape) };
  };
  const edges = (list: readonly { readonly name: string; readonly node: string }[]): object =>
    Object.fromEntries(list.map(({ name, node }) => [name, edge(node)]));
  const named = ({ state: name, node }: { readonly state: string; readonly node: string }) => ({
    name,
    node,
  });
  const results = [...lowered.outputs, ...lowered.updates.map(named)];
  const model = {
    format: "graph-model",
    generatedBy: "specc",
    convertedBy: null,
    signature: {
      inputs: edges([...lowered.inputs, ...carried.map(named)]),
      outputs: edges(results),
    },
    // without it a model of several results gives a list
    userDefinedMetadata: { structuredOutputKeys: results.map(({ name }) => name) },
    modelTopology: { node: nodes, library: {}, versions: { producer: PRODUCER } },
    weightsManifest: [{ paths: [SHARD], weights }],
  };
  return { "model.json": `${JSON.stringify(model)}\n`, [SHARD]: joined(bytes) };
};
