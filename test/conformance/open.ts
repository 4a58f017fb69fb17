// Opens a program on an engine without the stages around it: module text, a bundle of nothing but state, a session.
import type { Engine, LoadedBundle, ProgramModule, Session } from "../../src/bundle/engine.ts";
import type { Manifest, StateEntry } from "../../src/bundle/manifest.ts";
import type { HostTensor } from "../../src/bundle/tensor.ts";
import { programEntry } from "../../src/compiler/emit/manifest.ts";
import type { Graph, TensorType } from "../../src/compiler/ir/types.ts";
import { edgeType } from "../../src/compiler/ir/shape.ts";
import { nodesOf } from "../../src/compiler/ir/walk.ts";
import { moduleText } from "../../src/compiler/lower/kernel-module/index.ts";
import type { Compiled } from "../../src/compiler/model/types.ts";
import { pipeline, runPasses } from "../../src/compiler/passes/index.ts";

export const importText = async (text: string): Promise<ProgramModule> => {
  const url = `data:text/javascript;base64,${Buffer.from(text).toString("base64")}`;
  return (await import(/* @vite-ignore */ url)) as ProgramModule;
};

export const host = (type: TensorType, values: ArrayLike<number>): HostTensor => {
  const dtype = edgeType(type);
  const data = { f32: Float32Array, i32: Int32Array, bool: Uint8Array }[dtype].from(values);
  return { dtype, shape: type.shape.map((dim) => dim.size), data };
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

const emptyManifest: Manifest = {
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
  state: [],
  programs: [],
  places: {},
  probes: {},
  engines: [],
  files: [],
};
export const bundleOf = async (graph: Graph): Promise<LoadedBundle> => ({
  programs: { [graph.name]: await importText(moduleText(graph)) },
  manifest: { ...emptyManifest, state: stateOf(graph) },
});
export const openGraph = async (engine: Engine, graph: Graph): Promise<Session> =>
  engine.open(await bundleOf(graph));

/** What the runtime must know of a model's programs. */
export const manifestOfPrograms = (
  { state, programs }: Compiled,
  model: Pick<Manifest["model"], "context" | "vocabSize">,
): Manifest => ({
  ...emptyManifest,
  model: { ...emptyManifest.model, ...model },
  state,
  programs: programs.map((program) => programEntry(program, 0)),
});
/** The programs of a model, through all passes. */
export const bundleOfPrograms = async (
  compiled: Compiled,
  manifest: Manifest,
): Promise<LoadedBundle> => ({
  manifest,
  programs: Object.fromEntries(
    await Promise.all(
      compiled.programs.map(async ({ graph }) => {
        const ready = runPasses(graph, pipeline(new Set()), { verify: true });
        return [graph.name, await importText(moduleText(ready))] as const;
      }),
    ),
  ),
});
