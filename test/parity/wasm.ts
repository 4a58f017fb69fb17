// Programs of golden cases on the wasm engine, as `specc build` makes them: after all passes, in float32.
import type { LoadedBundle, Session } from "../../src/bundle/engine.ts";
import type { HostTensor, Tensors } from "../../src/bundle/tensor.ts";
import { moduleText } from "../../src/compiler/lower/kernel-module/index.ts";
import { ownOps } from "../../src/compiler/lower/kernel-module/own-nodes.ts";
import type { Compiled } from "../../src/compiler/model/types.ts";
import { pipeline, runPasses } from "../../src/compiler/passes/index.ts";
import { wasmEngine } from "../../src/runtime/engines/tfjs.ts";
import { bundleOf, importText } from "../conformance/open.ts";

export const f32 = (values: ArrayLike<number>, shape: readonly number[]): HostTensor => ({
  dtype: "f32",
  shape,
  data: Float32Array.from(values),
});
export const i32 = (values: ArrayLike<number>, shape: readonly number[]): HostTensor => ({
  dtype: "i32",
  shape,
  data: Int32Array.from(values),
});
export const read = (tensors: Tensors, name: string): ArrayLike<number> => {
  const tensor = tensors[name];
  if (tensor === undefined) throw new Error(`no tensor ${name}`);
  return tensor.data;
};

/** A session with these values in its state. */
export const openOnWasm = async (
  compiled: Pick<Compiled, "programs" | "state">,
  state: Readonly<Record<string, ArrayLike<number>>>,
): Promise<Session> => {
  const graphs = compiled.programs.map(({ graph }) =>
    runPasses(graph, pipeline(ownOps), { verify: true }),
  );
  const { manifest } = await bundleOf(graphs[0]!);
  const modules = await Promise.all(
    graphs.map(async (g) => [g.name, await importText(moduleText(g))] as const),
  );
  const bundle: LoadedBundle = {
    programs: Object.fromEntries(modules),
    manifest: { ...manifest, state: compiled.state },
  };
  const session = await wasmEngine().open(bundle);
  const tensors = compiled.state.map(
    ({ name, shape }) => [name, f32(state[name]!, shape)] as const,
  );
  await session.writeState(Object.fromEntries(tensors));
  return session;
};
