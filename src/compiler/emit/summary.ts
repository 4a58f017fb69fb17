// What a model costs, told by its layers: parameters from the state, FLOPs from the forward graph, memory from the plans.
import { branchOf } from "../../bundle/branches.ts";
import { sizeOf } from "../../bundle/tensor.ts";
import { orientedShape } from "../../bundle/disk.ts";
import type { ProgramEntry, StateEntry } from "../../bundle/manifest.ts";
import { rowOf } from "../ir/builder.ts";
import { BYTES } from "../ir/ops/row.ts";
import type { Graph, Node } from "../ir/types.ts";
import type { Compiled } from "../model/types.ts";
import { nodesOf } from "../ir/walk.ts";

/** How many parameters, and how many of them the recipe's masks leave: all, where it has none. */
export interface Count {
  readonly parameters: number;
  /** In expectation, since each is drawn. */
  readonly unmasked: number;
  /** Of the one in the other; 1 where there is nothing to mask. */
  readonly density: number;
}
export interface Layer extends Count {
  /** "embedding", "blocks.3", "final_norm", "head"; "heads.1.blocks.3" in one of several branches. */
  readonly name: string;
  /** Forward, for one token or image. */
  readonly flops: number;
  readonly tensors: readonly {
    readonly name: string;
    readonly diskName: string;
    readonly shape: readonly number[];
  }[];
  /** Below a block: "attention", "ffn", … */
  readonly parts: readonly (Count & { readonly name: string; readonly flops: number })[];
}
export interface Summary extends Count {
  readonly model: string;
  /** Those that a token's pass reads at most: less than all where tokens choose experts. */
  readonly activeParameters: number;
  /** What FLOPs are told for. */
  readonly item: "token" | "image";
  readonly flops: { readonly forward: number; readonly training: number };
  readonly bytes: {
    readonly weights: number;
    readonly optimizer: number;
    readonly masks: number;
    readonly gradients: number;
    /** Of prefill and decode_step. */
    readonly cache: number;
    readonly step: number | null;
    readonly forward: number | null;
  };
  readonly layers: readonly Layer[];
  /** Where a model parts: what all share ("trunk"; absent where nothing is shared), then each branch by its name. */
  readonly branches: readonly (Count & { readonly name: string })[];
}

const flopsOf = (node: Node): number => rowOf(node.op).cost(node).flops;

/** "blocks.3.attention.q.weight" -> ["blocks.3", "attention"]; a graph's "blocks.3/attention" likewise. */
const placeOf = (path: string): readonly [layer: string, part: string] => {
  const branch = branchOf(path);
  const before = branch === "" ? "" : `${branch}.`;
  const parts = path.slice(before.length).split(/[./]/);
  if (parts[0] === "blocks") return [`${before}blocks.${parts[1] ?? ""}`, parts[2] ?? "residual"];
  return [`${before}${parts[0] ?? ""}`, ""];
};

type Counting = (entries: readonly StateEntry[]) => Count;
const countingWith =
  (densities: Compiled["densities"]): Counting =>
  (entries) => {
    const total = (share: (name: string) => number): number =>
      entries.reduce((sum, { name, shape }) => sum + sizeOf(shape) * share(name), 0);
    const parameters = total(() => 1);
    const unmasked = total((name) => densities[name] ?? 1);
    const density = parameters === 0 ? 1 : unmasked / parameters;
    return { parameters, unmasked: Math.round(unmasked), density };
  };

const branchesOf = (params: readonly StateEntry[], countOf: Counting): Summary["branches"] => {
  const names = [...new Set(params.map(({ name }) => branchOf(name)))];
  if (names.every((name) => name === "")) return [];
  return names.map((name) => ({
    name: name === "" ? "trunk" : name,
    ...countOf(params.filter((p) => branchOf(p.name) === name)),
  }));
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
  countOf: Counting,
): Layer["parts"] => {
  if (!/(^|\.)blocks\.\d+$/.test(layer)) return [];
  const ofParameters = entries.map((entry) => placeOf(entry.name)[1]);
  const ofGraph = [...flops.keys()].flatMap((key) =>
    key.startsWith(`${layer}/`) ? [key.slice(layer.length + 1)] : [],
  );
  // the order of the graph is the order in which data passes
  return [...new Set([...ofGraph, ...ofParameters])].map((name) => ({
    name,
    ...countOf(entries.filter((entry) => placeOf(entry.name)[1] === name)),
    flops: Math.round(flops.get(`${layer}/${name}`) ?? 0),
  }));
};

/** In the order in which data passes; what has parameters alone (a norm within the embedding) behind what they follow. */
const layerNames = (
  flops: ReadonlyMap<string, number>,
  params: readonly StateEntry[],
): readonly string[] => {
  const names = [...flops.keys()].filter((key) => key !== "" && !key.includes("/"));
  let last = -1;
  for (const { name } of params) {
    const layer = placeOf(name)[0];
    const at = names.indexOf(layer);
    if (at < 0) names.splice(last + 1, 0, layer);
    last = at < 0 ? last + 1 : at;
  }
  return names;
};

export const summarize = (
  model: string,
  { state, active, densities }: Pick<Compiled, "state" | "active" | "densities">,
  programs: readonly ProgramEntry[],
  forward: Graph,
): Summary => {
  // as many as there are answers
  const targets = forward.inputs.find((input) => input.attrs.name === "targets");
  const count = targets === undefined ? 1 : targets.type.shape.reduce((n, d) => n * d.size, 1);
  const flops = flopsByPlace(forward, count);
  const params = state.filter((entry) => entry.kind === "param");
  const countOf = countingWith(densities);
  const layers = layerNames(flops, params)
    .filter((name) => name !== "loss")
    .map((name): Layer => {
      const own = params.filter((p) => placeOf(p.name)[0] === name);
      return {
        name,
        ...countOf(own),
        flops: Math.round(flops.get(name) ?? 0),
        tensors: own.map((p) => ({
          name: p.name,
          diskName: p.diskName,
          shape: orientedShape(p),
        })),
        parts: partsOf(own, name, flops, countOf),
      };
    });
  const bytesOf = (kind: StateEntry["kind"]): number =>
    state.reduce((sum, s) => sum + (s.kind === kind ? BYTES[s.dtype] * sizeOf(s.shape) : 0), 0);
  const step =
    programs.find((p) => p.name === "train_step") ?? programs.find((p) => p.name === "accumulate");
  const trained = step?.inputs.find((input) => input.name === "targets");
  return {
    model,
    ...countOf(params),
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
      masks: bytesOf("mask"),
      gradients: bytesOf("accumulator"),
      cache: bytesOf("cache"),
      step: step?.peakBytes ?? null,
      forward: programs.find((p) => p.name === "forward")?.peakBytes ?? null,
    },
    layers,
    branches: branchesOf(params, countOf),
  };
};
