// Opens a program on an engine without the stages around it: module text, a bundle of nothing but state, a session.
import type { Engine, LoadedBundle, ProgramModule, Session } from "../../src/bundle/engine.ts";
import type { StateEntry } from "../../src/bundle/manifest.ts";
import type { HostTensor } from "../../src/bundle/tensor.ts";
import type { Graph, TensorType } from "../../src/compiler/ir/types.ts";
import { nodesOf } from "../../src/compiler/ir/walk.ts";
import { moduleText } from "../../src/compiler/lower/kernel-module/index.ts";

export const importText = async (text: string): Promise<ProgramModule> => {
  const url = `data:text/javascript;base64,${Buffer.from(text).toString("base64")}`;
  return (await import(/* @vite-ignore */ url)) as ProgramModule;
};

export const host = (type: TensorType, values: ArrayLike<number>): HostTensor => {
  const data = { f32: Float32Array, i32: Int32Array, bool: Uint8Array }[type.dtype].from(values);
  return { dtype: type.dtype, shape: type.shape.map((dim) => dim.size), data };
};

const stateOf = (graph: Graph): readonly StateEntry[] => {
  const names = new Map<string, readonly number[]>();
  for (const node of nodesOf(graph))
    if (node.op === "state")
      names.set(
        node.attrs.name,
        node.type.shape.map((d) => d.size),
      );
  return [...names].map(([name, shape]) => ({
    ...{
      name,
      diskName: name,
      shape,
      kind: "param",
      dtype: "f32",
      transposed: false,
      init: { kind: "constant", value: 0 },
    },
  }));
};

export const bundleOf = async (graph: Graph): Promise<LoadedBundle> => ({
  programs: { [graph.name]: await importText(moduleText(graph)) },
  manifest: {
    formatVersion: 1,
    generator: { name: "specc", version: "0" },
    specHash: "",
    model: {
      name: "",
      vocabSize: 0,
      hiddenSize: 0,
      layers: 0,
      context: 0,
      parameters: 0,
      flopsPerToken: 0,
      config: {},
    },
    training: null,
    state: stateOf(graph),
    programs: [],
    places: {},
    probes: {},
    engines: [],
    files: [],
  },
});
export const openGraph = async (engine: Engine, graph: Graph): Promise<Session> =>
  engine.open(await bundleOf(graph));
