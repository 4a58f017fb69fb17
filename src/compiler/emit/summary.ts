// What a model costs, told by its layers: parameters from the state, FLOPs from the forward graph, memory from the plans.
import { sizeOf } from "../../bundle/tensor.ts";
import { orientedShape } from "../../bundle/disk.ts";
import type { ProgramEntry, StateEntry } from "../../bundle/manifest.ts";
import { rowOf } from "../ir/builder.ts";
import { BYTES } from "../ir/ops/row.ts";
import type { Graph, Node } from "../ir/types.ts";
import type { Compiled } from "../model/types.ts";
import { nodesOf } from "../ir/walk.ts";

export interface Layer {
  /** "embedding", "blocks.3", "final_norm", "head"; "heads.1.blocks.3" in one of several branches. */
  readonly name: string;
  readonly parameters: number;
  /** Forward, for one token or image. */
  readonly flops: number;
  readonly tensors: readonly {
    readonly name: string;
    readonly diskName: string;
    readonly shape: readonly number[];
  }[];
  /** Below a block: "attention", "ffn", … */
  readonly parts: readonly {
    readonly name: string;
    readonly parameters: number;
    readonly flops: number;
  }[];
}
export interface Summary {
  readonly model: string;
  readonly parameters: number;
  /** Those that a token's pass reads at most: less than all where tokens choose experts. */
  readonly activeParameters: number;
  /** What FLOPs are told for. */
  readonly item: "token" | "image";
  readonly flops: { readonly forward: number; readonly training: number };
  readonly bytes: {
    readonly weights: number;
    readonly optimizer: number;
    readonly gradients: number;
    /** Of prefill and decode_step. */
    readonly cache: number;
    readonly step: number | null;
    readonly forward: number | null;
  };
  readonly layers: readonly Layer[];
  /** Where a model parts: what all share ("trunk"; absent where nothing is shared), then each branch by its name. */
  readonly branches: readonly { readonly name: string; readonly parameters: number }[];
}

const flopsOf = (node: Node): number => rowOf(node.op).cost(node).flops;

/** "heads.1.blocks.3.attention.q.weight" -> "heads.1"; "" where a path lies in no branch. */
export const branchOf = (path: string): string =>
  /^(?!blocks\.)\w+\.\d+(?=\.)/.exec(path)?.[0] ?? "";

/** "blocks.3.attention.q.weight" -> ["blocks.3", "attention"]; a graph's "blocks.3/attention" likewise. */
const placeOf = (path: string): readonly [layer: string, part: string] => {
  const branch = branchOf(path);
  const before = branch === "" ? "" : `${branch}.`;
  const parts = path.slice(before.length).split(/[./]/);
  if (parts[0] === "blocks") return [`${before}blocks.${parts[1] ?? ""}`, parts[2] ?? "residual"];
  return [`${before}${parts[0] ?? ""}`, ""];
};

const branchesOf = (layers: readonly Layer[]): Summary["branches"] => {
  const names = [...new Set(layers.map((layer) => branchOf(layer.name)))];
  if (names.length < 2) return [];
  return names
    .map((name) => ({
      name: name === "" ? "trunk" : name,
      parameters: layers.reduce(
        (sum, layer) => sum + (branchOf(layer.name) === name ? layer.parameters : 0),
        0,
      ),
    }))
    .filter(({ parameters }) => parameters > 0);
};

const flopsByPlace = (forward: Graph, count: number): ReadonlyMap<string, number> => {
  const sums = new Map<string, number>();
  for (const node of nodesOf(forward)) {
    const [layer, part] = placeOf(node.path);
    for (const key of new Set([layer, `${layer}/${part}`]))
      sums.set(key, (sums.get(key) ?? 0) + flopsOf(node) / count);
  }
  return sums;
};

const partsOf = (
  entries: readonly StateEntry[],
  layer: string,
  flops: ReadonlyMap<string, number>,
): Layer["parts"] => {
  if (!/(^|\.)blocks\.\d+$/.test(layer)) return [];
  const ofParameters = entries.map((entry) => placeOf(entry.name)[1]);
  const ofGraph = [...flops.keys()].flatMap((key) =>
    key.startsWith(`${layer}/`) ? [key.slice(layer.length + 1)] : [],
  );
  // the order of the graph is the order in which data passes
  return [...new Set([...ofGraph, ...ofParameters])].map((name) => ({
    name,
    parameters: entries.reduce(
      (sum, entry) => sum + (placeOf(entry.name)[1] === name ? sizeOf(entry.shape) : 0),
      0,
    ),
    flops: Math.round(flops.get(`${layer}/${name}`) ?? 0),
  }));
};

export const summarize = (
  model: string,
  { state, active }: Pick<Compiled, "state" | "active">,
  programs: readonly ProgramEntry[],
  forward: Graph,
): Summary => {
  // as many as there are answers
  const targets = forward.inputs.find((input) => input.attrs.name === "targets");
  const count = targets === undefined ? 1 : targets.type.shape.reduce((n, d) => n * d.size, 1);
  const flops = flopsByPlace(forward, count);
  const params = state.filter((entry) => entry.kind === "param");
  const names = [
    ...new Set([
      ...[...flops.keys()].filter((key) => key !== "" && !key.includes("/")),
      ...params.map((p) => placeOf(p.name)[0]),
    ]),
  ];
  const layers = names
    .filter((name) => name !== "loss")
    .map((name): Layer => {
      const own = params.filter((p) => placeOf(p.name)[0] === name);
      return {
        name,
        parameters: own.reduce((sum, p) => sum + sizeOf(p.shape), 0),
        flops: Math.round(flops.get(name) ?? 0),
        tensors: own.map((p) => ({
          name: p.name,
          diskName: p.diskName,
          shape: orientedShape(p),
        })),
        parts: partsOf(own, name, flops),
      };
    });
  const bytesOf = (kind: StateEntry["kind"]): number =>
    state.reduce((sum, s) => sum + (s.kind === kind ? BYTES[s.dtype] * sizeOf(s.shape) : 0), 0);
  const step =
    programs.find((p) => p.name === "train_step") ?? programs.find((p) => p.name === "accumulate");
  const trained = step?.inputs.find((input) => input.name === "targets");
  return {
    model,
    parameters: params.reduce((sum, p) => sum + sizeOf(p.shape), 0),
    activeParameters: Math.round(
      params.reduce((sum, p) => sum + sizeOf(p.shape) * (active[p.name] ?? 1), 0),
    ),
    item: forward.inputs.some((input) => input.attrs.name === "images") ? "image" : "token",
    flops: {
      forward: layers.reduce((sum, layer) => sum + layer.flops, 0),
      training:
        step === undefined || trained === undefined
          ? 0
          : Math.round(step.flops / sizeOf(trained.shape)),
    },
    bytes: {
      weights: bytesOf("param") + bytesOf("buffer"),
      optimizer: bytesOf("slot"),
      gradients: bytesOf("accumulator"),
      cache: bytesOf("cache"),
      step: step?.peakBytes ?? null,
      forward: programs.find((p) => p.name === "forward")?.peakBytes ?? null,
    },
    layers,
    branches: branchesOf(layers),
  };
};
