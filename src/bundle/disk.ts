// How state lies in files: names, orientation, and stacks. An engine holds the experts of a layer as one tensor; files hold
// one each, `{}` in the name standing for the index along the first axis.
import type { DType, HostState, StateEntry } from "./manifest.ts";
import { sizeOf, type HostTensor } from "./tensor.ts";

type Entry = Pick<StateEntry, "diskName" | "shape" | "transposed">;

const isStack = ({ diskName }: Pick<StateEntry, "diskName">): boolean => diskName.includes("{}");

/** One name, or one for each part of a stack. */
export const diskNames = (entry: Pick<StateEntry, "diskName" | "shape">): readonly string[] =>
  isStack(entry)
    ? Array.from({ length: entry.shape[0] ?? 0 }, (_, i) => entry.diskName.replace("{}", String(i)))
    : [entry.diskName];

/** Whether it lies in the file of the weights. */
export const isWeight = (
  entry: StateEntry,
): entry is HostState & { readonly kind: "param" | "buffer" } =>
  entry.kind === "param" || entry.kind === "buffer";

/** Of a convolution. */
const isKernel = (entry: Entry): boolean =>
  entry.transposed && entry.shape.length === 4 && !isStack(entry);

/** In the orientation of files, a stack whole: [E, out, in]. */
export const orientedShape = (entry: Entry): readonly number[] => {
  const { shape, transposed } = entry;
  if (isKernel(entry)) return [shape[3]!, shape[2]!, shape[0]!, shape[1]!];
  return transposed ? [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!] : shape;
};
/** Of each tensor on disk. */
export const diskShape = (entry: Entry): readonly number[] =>
  orientedShape(entry).slice(isStack(entry) ? 1 : 0);

export const emptyData = (dtype: DType, size: number): HostTensor["data"] => {
  switch (dtype) {
    case "f32":
      return new Float32Array(size);
    case "i32":
      return new Int32Array(size);
    case "bool":
      return new Uint8Array(size);
  }
};

/** Copies a tensor [r, c] of one side to the other, turned to [c, r] where they differ. */
const copy = (
  from: HostTensor["data"],
  shape: readonly number[],
  turned: boolean,
  to: HostTensor["data"],
): void => {
  if (!turned) return to.set(from);
  const [rows = 1, columns = 1] = shape;
  for (let r = 0; r < rows; r += 1)
    for (let c = 0; c < columns; c += 1) to[c * rows + r] = from[r * columns + c]!;
};

/** A convolution's kernel, from the order of axes that has the channels first or last to the other. */
const turnKernel = (
  from: HostTensor["data"],
  shape: readonly number[],
  channels: "first" | "last",
  to: HostTensor["data"],
): void => {
  const [a = 1, b = 1, c = 1, d = 1] = shape;
  let at = 0;
  for (let i = 0; i < a; i += 1)
    for (let j = 0; j < b; j += 1)
      for (let k = 0; k < c; k += 1)
        for (let l = 0; l < d; l += 1, at += 1)
          to[
            channels === "last"
              ? ((l * c + k) * a + i) * b + j // [h, w, in, out] -> [out, in, h, w]
              : ((k * d + l) * b + j) * a + i // [out, in, h, w] -> [h, w, in, out]
          ] = from[at]!;
};

/** The tensors of files, in the order of `diskNames`, from what the engine holds. */
export const toDisk = (entry: StateEntry, held: HostTensor): readonly HostTensor[] => {
  const { dtype, data } = held;
  const shape = diskShape(entry);
  const size = sizeOf(shape);
  return diskNames(entry).map((_, i) => {
    const part = data.subarray(i * size, (i + 1) * size);
    if (!entry.transposed) return { dtype, shape, data: part };
    const made = emptyData(dtype, size);
    if (isKernel(entry)) turnKernel(part, entry.shape, "last", made);
    else copy(part, [...shape].reverse(), true, made);
    return { dtype, shape, data: made };
  });
};

/** What the engine holds, from tensors in the order of `diskNames`. */
export const fromDisk = (entry: StateEntry, stored: readonly HostTensor[]): HostTensor => {
  const [first] = stored;
  if (first === undefined || stored.length !== diskNames(entry).length)
    throw new Error(`${entry.diskName}: ${stored.length} tensors`);
  const { dtype } = first;
  if (!isStack(entry) && !entry.transposed) return { ...first, shape: entry.shape };
  const shape = diskShape(entry);
  const size = sizeOf(shape);
  const data = emptyData(dtype, stored.length * size);
  if (isKernel(entry)) {
    turnKernel(first.data, shape, "first", data);
    return { dtype, shape: entry.shape, data };
  }
  stored.forEach((part, i) =>
    copy(part.data, shape, entry.transposed, data.subarray(i * size, (i + 1) * size)),
  );
  return { dtype, shape: entry.shape, data };
};
