// Programs of golden cases on engines, as `specc build` makes them: after all passes, in float32.
import type { Engine, Session } from "../../src/bundle/engine.ts";
import type { HostTensor, Tensors } from "../../src/bundle/tensor.ts";
import type { Compiled } from "../../src/compiler/model/types.ts";
import { SUBJECTS } from "../conformance/engines.ts";
import { bundleOfPrograms, manifestOfPrograms } from "../conformance/open.ts";

/** Engines that golden cases run on; XLA is held to the evaluator op by op, in test/conformance. */
export const subjects = SUBJECTS.filter(({ name }) => ["wasm", "tensorflow"].includes(name));

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

/** A session of an engine with these values in its state. */
export const openOn = async (
  engine: Engine,
  compiled: Compiled,
  state: Readonly<Record<string, ArrayLike<number>>>,
): Promise<Session> => {
  const manifest = manifestOfPrograms(compiled, { context: 0, vocabSize: 0 });
  const session = await engine.open(await bundleOfPrograms(compiled, manifest));
  const tensors = compiled.state.map(
    ({ name, shape }) => [name, f32(state[name]!, shape)] as const,
  );
  await session.writeState(Object.fromEntries(tensors));
  return session;
};
