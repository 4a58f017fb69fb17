// Opens programs on an engine without the stages around them: their two written forms, a bundle of nothing but state, a session.
import type { Engine, LoadedBundle, ProgramModule, Session } from "../../src/bundle/engine.ts";
import type { DecoderInfo, Manifest, StateEntry } from "../../src/bundle/manifest.ts";
import type { HostTensor } from "../../src/bundle/tensor.ts";
import { programEntry } from "../../src/compiler/emit/manifest.ts";
import type { Graph, TensorType } from "../../src/compiler/ir/types.ts";
import { edgeType } from "../../src/compiler/ir/shape.ts";
import { nodesOf } from "../../src/compiler/ir/walk.ts";
import { moduleText } from "../../src/compiler/lower/kernel-module/index.ts";
import { ownOps } from "../../src/compiler/lower/kernel-module/own-nodes.ts";
import { savedModel } from "../../src/compiler/lower/saved-model/index.ts";
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

const stateOf = (graphs: readonly Graph[]): readonly StateEntry[] => {
  const shapes = new Map<string, readonly number[]>();
  for (const node of graphs.flatMap(nodesOf))
    if (node.op === "state")
      shapes.set(
        node.attrs.name,
        node.type.shape.map((d) => d.size),
      );
  return [...shapes].map(([name, shape]) => ({
    ...{ name, diskName: name, shape, kind: "param", dtype: "f32", transposed: false },
    init: { kind: "constant", value: 0 },
  }));
};

const emptyModel: DecoderInfo = {
  ...{ kind: "decoder", name: "", vocabSize: 0, hiddenSize: 0, layers: 0, context: 0 },
  ...{ parameters: 0, flopsPerToken: 0, config: {} },
};
const emptyManifest: Manifest = {
  formatVersion: 1,
  generator: { name: "specc", version: "0" },
  specHash: "",
  model: emptyModel,
  training: null,
  state: [],
  programs: [],
  places: {},
  numerics: { products: "f32", tf32: false, deterministic: false },
  cardKernels: [],
  refusedKernels: [],
  engines: [],
  files: [],
};
/** Both written forms. `graphs` have been through all passes, `whole` has not; the manifest knows them by name. */
const written = async (
  manifest: Manifest,
  graphs: readonly Graph[],
  whole = graphs,
): Promise<LoadedBundle> => {
  // the tfjs engine has no bf16
  const plain = graphs.filter(
    (graph) => !nodesOf(graph).some((node) => node.type.dtype === "bf16"),
  );
  const modules = plain.map(
    async (graph) => [graph.name, await importText(moduleText(graph))] as const,
  );
  const { state, training, numerics } = manifest;
  const programs = whole.map((graph) => ({
    graph,
    entry: manifest.programs.find(({ name }) => name === graph.name)!,
  }));
  const { deterministic } = numerics;
  return {
    manifest,
    programs: Object.fromEntries(await Promise.all(modules)),
    savedModel: {
      bytes: (file) => savedModel({ programs, state, training, deterministic }, file),
    },
  };
};
const manifestOf = (numerics: Manifest["numerics"], graphs: readonly Graph[]): Manifest => ({
  ...emptyManifest,
  numerics,
  state: stateOf(graphs),
  programs: graphs.map((graph) => programEntry({ graph, scalars: {} }, 0)),
});
export const bundleWith = (
  numerics: Manifest["numerics"],
  ...graphs: readonly Graph[]
): Promise<LoadedBundle> => written(manifestOf(numerics, graphs), graphs);
export const bundleOf = (...graphs: readonly Graph[]): Promise<LoadedBundle> =>
  bundleWith(emptyManifest.numerics, ...graphs);
export const openGraph = async (engine: Engine, graph: Graph): Promise<Session> =>
  engine.open(await bundleOf(graph));

const throughPasses = (graph: Graph): Graph => runPasses(graph, pipeline(ownOps), { verify: true });
/** A graph as a model builds it, through all passes. */
export const openBuilt = async (engine: Engine, graph: Graph): Promise<Session> =>
  engine.open(
    await written(manifestOf(emptyManifest.numerics, [graph]), [throughPasses(graph)], [graph]),
  );

/** What the runtime must know of a model's programs. */
export const manifestOfPrograms = (
  { state, programs }: Compiled,
  model: Pick<DecoderInfo, "context" | "vocabSize">,
): Manifest => ({
  ...emptyManifest,
  model: { ...emptyModel, ...model },
  state,
  programs: programs.map((program) => programEntry(program, 0)),
});
/** The programs of a model, through all passes. */
export const bundleOfPrograms = async (
  compiled: Compiled,
  manifest: Manifest,
): Promise<LoadedBundle> =>
  written(
    manifest,
    compiled.programs.map(({ graph }) => throughPasses(graph)),
    compiled.programs.map(({ graph }) => graph),
  );
