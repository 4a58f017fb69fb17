// The manifest: what the runtime must know of the programs, the state and the training run, and a hash of every file.
import type { Manifest, ProgramEntry, TensorSpec } from "../../bundle/manifest.ts";
import { rowOf } from "../ir/builder.ts";
import { edgeType } from "../ir/shape.ts";
import type { Graph, Node } from "../ir/types.ts";
import { nodesOf } from "../ir/walk.ts";
import type { Compiled } from "../model/types.ts";
import { sha256 } from "./sha256.ts";

export type Files = ReadonlyMap<string, string | Uint8Array>;

const spec = (name: string, node: Node): TensorSpec => ({
  name,
  dtype: edgeType(node.type),
  shape: node.type.shape.map((dim) => dim.size),
});
const flopsOf = (node: Node): number => rowOf(node.op).cost(node).flops;

export const programEntry = (
  program: Compiled["programs"][number],
  peakBytes: number,
): ProgramEntry => {
  const { graph, scalars } = program;
  const nodes = nodesOf(graph);
  return {
    name: graph.name,
    inputs: graph.inputs.map((node) => spec(node.attrs.name, node)),
    scalars,
    outputs: graph.outputs.map(({ name, node }) => spec(name, node)),
    reads: nodes.flatMap((node) => (node.op === "state" ? [node.attrs.name] : [])),
    writes: graph.updates.map((update) => update.state),
    peakBytes,
    flops: nodes.reduce((sum, node) => sum + flopsOf(node), 0),
  };
};

/** Model path -> "file.arch:line", for errors at run time; one entry a path, as the nodes below it share a line. */
export const placesOf = (
  graphs: readonly Graph[],
  placeOf: (node: Node) => string | undefined,
): Manifest["places"] => {
  const places = new Map<string, string>();
  for (const graph of graphs)
    for (const node of nodesOf(graph)) {
      const place = placeOf(node);
      if (node.path !== "" && place !== undefined && !places.has(node.path))
        places.set(node.path, place);
    }
  return Object.fromEntries([...places].sort(([a], [b]) => (a < b ? -1 : 1)));
};

/** Forward and backward of one token or image; without a training program by the usual count of 2 a weight forward, 4 backward. */
export const trainingFlops = (programs: readonly ProgramEntry[], parameters: number): number => {
  const step =
    programs.find((p) => p.name === "train_step") ?? programs.find((p) => p.name === "accumulate");
  // as many as there are answers
  const targets = step?.inputs.find((input) => input.name === "targets");
  const count = targets?.shape.reduce((a, b) => a * b, 1);
  return step === undefined || count === undefined
    ? 6 * parameters
    : Math.round(step.flops / count);
};

export const fileEntries = (files: Files): Manifest["files"] =>
  [...files].map(([path, content]) => {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    return { path, sha256: sha256(bytes), bytes: bytes.length };
  });

/** Keys in alphabetical order at every level: the same value has the same text. */
export const canonicalJson = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).filter(([, v]) => v !== undefined);
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, v]) => `${JSON.stringify(key)}:${canonicalJson(v)}`)
    .join(",")}}`;
};
