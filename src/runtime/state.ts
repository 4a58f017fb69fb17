// State between host, engine and disk: initial values from (seed, path), and the turn from an engine's orientation to the
// [out, in] of files. Values are drawn in disk orientation, so that they do not depend on what an engine prefers.
import { FileFault, type SafetensorsFile } from "../bundle/safetensors.ts";
import type { Session } from "../bundle/engine.ts";
import type { DType, Manifest, StateEntry } from "../bundle/manifest.ts";
import { sizeOf, type HostTensor, type Tensors } from "../bundle/tensor.ts";
import { fillNormal, randomStream } from "./random.ts";

const emptyData = (dtype: DType, size: number): HostTensor["data"] => {
  switch (dtype) {
    case "f32":
      return new Float32Array(size);
    case "i32":
      return new Int32Array(size);
    case "bool":
      return new Uint8Array(size);
  }
};

export const diskShape = ({ shape, transposed }: StateEntry): readonly number[] =>
  transposed ? [...shape].reverse() : shape;

/** [r, c] -> [c, r]. */
const transpose = ({ dtype, shape, data }: HostTensor): HostTensor => {
  const [rows = 1, columns = 1] = shape;
  const out = emptyData(dtype, data.length);
  for (let r = 0; r < rows; r += 1) {
    for (let c = 0; c < columns; c += 1) out[c * rows + r] = data[r * columns + c]!;
  }
  return { dtype, shape: [columns, rows], data: out };
};

export const toDisk = (entry: StateEntry, held: HostTensor): HostTensor =>
  entry.transposed ? transpose(held) : held;
export const fromDisk = (entry: StateEntry, stored: HostTensor): HostTensor =>
  entry.transposed ? transpose(stored) : stored;

/** As the engine holds it; the same bits on every machine. */
export const initialValues = (entry: StateEntry, seed: number): HostTensor => {
  const { init, dtype } = entry;
  const shape = diskShape(entry);
  const data = emptyData(dtype, sizeOf(shape));
  if (init.kind === "constant") data.fill(init.value);
  else {
    if (!(data instanceof Float32Array))
      throw new Error(`${entry.name}: normal values in ${dtype}`);
    fillNormal(randomStream(seed, entry.name), data, init.std);
    if (init.zeroRow !== undefined) {
      const width = sizeOf(shape.slice(1));
      data.fill(0, init.zeroRow * width, (init.zeroRow + 1) * width);
    }
  }
  return fromDisk(entry, { dtype, shape, data });
};

/** One entry at a time: the host never holds a second copy of the model. */
export const initialise = async (
  session: Session,
  manifest: Manifest,
  seed: number,
): Promise<void> => {
  for (const entry of manifest.state)
    if (entry.kind !== "cache")
      await session.writeState({ [entry.name]: initialValues(entry, seed) });
};

/** The state of one kind under its names on disk. */
export const readForDisk = async (
  session: Session,
  manifest: Manifest,
  kind: StateEntry["kind"],
): Promise<Tensors> => {
  const entries = manifest.state.filter((entry) => entry.kind === kind);
  const held = await session.readState(entries.map(({ name }) => name));
  return Object.fromEntries(
    entries.map((entry) => {
      const tensor = held[entry.name];
      if (tensor === undefined) throw new Error(`the engine does not hold ${entry.name}`);
      return [entry.diskName, toDisk(entry, tensor)];
    }),
  );
};

const listed = (names: readonly string[]): string =>
  names.slice(0, 5).join(", ") + (names.length > 5 ? ` and ${names.length - 5} more` : "");

/** Copies that others write along with tied weights, and tables that are computed: no part of any model's state. */
const redundant = (name: string, tied: boolean): boolean =>
  name.endsWith("rotary_emb.inv_freq") || (tied && name === "lm_head.weight");

/** Missing, unexpected and misshapen tensors, all told at once, before anything is read or written. */
export const checkAgainst = (
  entries: readonly StateEntry[],
  stored: SafetensorsFile,
  file: string,
  tied: boolean,
): void => {
  const known = new Set(entries.map(({ diskName }) => diskName));
  const missing = entries
    .filter(({ diskName }) => !stored.infos.has(diskName))
    .map(({ diskName }) => diskName);
  const unexpected = [...stored.infos.keys()].filter(
    (name) => !known.has(name) && !redundant(name, tied),
  );
  const misshapen = entries.flatMap((entry) => {
    const info = stored.infos.get(entry.diskName);
    const [got, wanted] = [info?.shape.join(", "), diskShape(entry).join(", ")];
    return got === undefined || got === wanted
      ? []
      : [`${entry.diskName} is [${got}] here and [${wanted}] in the model`];
  });
  const reasons = [
    ...(missing.length > 0 ? [`missing: ${listed(missing)}`] : []),
    ...(unexpected.length > 0 ? [`not in the model: ${listed(unexpected)}`] : []),
    ...misshapen.slice(0, 5),
  ];
  if (reasons.length > 0)
    throw new FileFault(file, `does not fit the model: ${reasons.join("; ")}`);
};

/** Loads the entries of one kind. `stored` was checked; a value that cannot be read leaves the session for the caller to close. */
export const loadEntries = async (
  session: Session,
  entries: readonly StateEntry[],
  stored: SafetensorsFile,
): Promise<void> => {
  for (const entry of entries) {
    const tensor = await stored.read(entry.diskName);
    if (tensor.dtype !== entry.dtype)
      throw new Error(`${entry.diskName}: ${tensor.dtype}, not ${entry.dtype}`);
    await session.writeState({ [entry.name]: fromDisk(entry, tensor) });
  }
};

export const isTied = (manifest: Manifest): boolean =>
  manifest.model.config["tie_word_embeddings"] === true;
