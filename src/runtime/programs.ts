// What a manifest says of a program, and of the nodes in it; scalars on their way in and out.
import { FileFault } from "../bundle/file-fault.ts";
import type { Manifest, ProgramEntry } from "../bundle/manifest.ts";
import { MANIFEST } from "../bundle/names.ts";
import type { HostTensor, Tensors } from "../bundle/tensor.ts";

export const programOf = (manifest: Manifest, name: string): ProgramEntry => {
  const program = manifest.programs.find((p) => p.name === name);
  if (program !== undefined) return program;
  const names = manifest.programs.map((p) => p.name).join(", ");
  throw new FileFault(MANIFEST, `the bundle has no program ${name} (it has ${names})`);
};
/** [B, T] of the program's ids. */
export const idsShape = (program: ProgramEntry): readonly [number, number] => {
  const [batch = 1, sequence = 1] =
    program.inputs.find(({ name }) => name === "input_ids")?.shape ?? [];
  return [batch, sequence];
};
export const scalarOf = (tensors: Tensors, name: string): number => {
  const value = tensors[name]?.data[0];
  if (value === undefined) throw new Error(`the program gave no ${name}`);
  return value;
};
export const scalarTensor = (value: number): HostTensor => ({
  dtype: "f32",
  shape: [],
  data: Float32Array.of(value),
});

/** Names are model paths, places those of the nearest path above: "blocks.3/ffn/gate/mul_2" -> "blocks.3/ffn". */
export const placeOf = (manifest: Manifest, node: string): string | undefined => {
  for (let path = node; path !== ""; path = path.slice(0, Math.max(0, path.lastIndexOf("/")))) {
    if (Object.hasOwn(manifest.places, path)) return manifest.places[path];
  }
  return undefined;
};
