// State between host, engine and disk: initial values from (seed, path), and the turn from an engine's orientation to the
// [out, in] of files. Values are drawn in disk orientation, so that they do not depend on what an engine prefers.
import { FileFault, type SafetensorsFile } from "../bundle/safetensors.ts";
import type { Session } from "../bundle/engine.ts";
import {
  diskNames,
  diskShape,
  emptyData,
  fromDisk,
  orientedShape,
  toDisk,
} from "../bundle/disk.ts";
import type { HostState, Manifest, StateEntry } from "../bundle/manifest.ts";
import { hostType } from "../bundle/number-formats.ts";
import { sizeOf, type HostTensor, type Tensors } from "../bundle/tensor.ts";
import { fillBernoulli, fillNormal, fillUniform, randomStream } from "./random.ts";

/** As the engine holds it; the same bits on every machine. */
export const initialValues = (entry: HostState, seed: number): HostTensor => {
  const { init, dtype } = entry;
  const data = emptyData(dtype, sizeOf(entry.shape));
  const stream = randomStream(seed, entry.name);
  if (init.kind === "constant") data.fill(init.value);
  else if (init.kind === "bernoulli") {
    if (!(data instanceof Uint8Array)) throw new Error(`${entry.name}: a mask in ${dtype}`);
    fillBernoulli(stream, data, init.density);
  } else {
    if (!(data instanceof Float32Array))
      throw new Error(`${entry.name}: random values in ${dtype}`);
    if (init.kind === "uniform") fillUniform(stream, data, init.bound);
    else fillNormal(stream, data, init.std);
    if (init.zeroRow !== undefined) {
      const width = sizeOf(orientedShape(entry).slice(1));
      data.fill(0, init.zeroRow * width, (init.zeroRow + 1) * width);
    }
  }
  const shape = diskShape(entry);
  const size = sizeOf(shape);
  const parts = diskNames(entry).map((_, i) => ({
    dtype,
    shape,
    data: data.subarray(i * size, (i + 1) * size),
  }));
  return fromDisk(entry, parts);
};

/** By the name of the parameter: "head.weight" of "head.weight/mask". */
const masksOf = (state: readonly StateEntry[]): ReadonlyMap<string, HostState> =>
  new Map(
    state.flatMap((entry) =>
      entry.kind === "mask" ? [[entry.name.slice(0, entry.name.lastIndexOf("/")), entry]] : [],
    ),
  );
const withoutMasked = (values: HostTensor, mask: HostTensor): HostTensor => ({
  ...values,
  data: values.data.map((x, i) => (mask.data[i] === 0 ? 0 : x)),
});

/**
 * What a training begins with, one tensor at a time: the host never holds a second copy of the model.
 * @param chosen what is not comes from elsewhere, as weights do from a file
 */
export function* initialState(
  state: readonly StateEntry[],
  seed: number,
  chosen: (entry: HostState) => boolean = () => true,
): Generator<readonly [entry: HostState, values: HostTensor]> {
  const masks = masksOf(state);
  for (const entry of state) {
    if (entry.kind === "cache" || entry.kind === "mask") continue; // a mask comes with its parameter
    const mask = masks.get(entry.name);
    const kept = mask && initialValues(mask, seed);
    if (mask !== undefined && kept !== undefined) yield [mask, kept];
    if (!chosen(entry)) continue;
    const values = initialValues(entry, seed);
    yield [entry, kept === undefined ? values : withoutMasked(values, kept)];
  }
}

/** @param chosen as in `initialState`: what is not is zero until it comes */
export const initialise = async (
  session: Session,
  manifest: Manifest,
  seed: number,
  chosen?: (entry: HostState) => boolean,
): Promise<void> => {
  await session.clearState();
  const isCleared = ({ kind, init }: StateEntry): boolean =>
    kind !== "param" && init.kind === "constant" && init.value === 0;
  const state = manifest.state.filter((entry) => !isCleared(entry));
  for (const [{ name }, values] of initialState(state, seed, chosen))
    await session.writeState({ [name]: values });
};

/** Weights that come from elsewhere lose what the masks of the session do not keep. */
export const applyMasks = async (session: Session, { state }: Manifest): Promise<void> => {
  const masks = masksOf(state);
  if (masks.size === 0) return;
  // in one go: each set of states that is read is a graph for TensorFlow to prepare
  const held = await session.readState([...masks].flatMap(([name, mask]) => [name, mask.name]));
  for (const [name, mask] of masks) {
    await session.writeState({ [name]: withoutMasked(held[name]!, held[mask.name]!) });
  }
};

/** A part of the state under its names on disk. */
export const readForDisk = async (
  session: Session,
  manifest: Manifest,
  chosen: (entry: StateEntry) => boolean,
): Promise<Tensors> => {
  const entries = manifest.state.filter(chosen);
  const held = await session.readState(entries.map(({ name }) => name));
  return Object.fromEntries(
    entries.flatMap((entry) => {
      const tensor = held[entry.name];
      if (tensor === undefined) throw new Error(`the engine does not hold ${entry.name}`);
      const parts = toDisk(entry, tensor);
      return diskNames(entry).map((name, i) => [name, parts[i]!]);
    }),
  );
};

const listed = (names: readonly string[]): string =>
  names.slice(0, 5).join(", ") + (names.length > 5 ? ` and ${names.length - 5} more` : "");

/** Copies that others write along with tied weights, and tables that are computed: no part of any model's state. */
const redundant = (name: string, tied: boolean): boolean =>
  name.endsWith("rotary_emb.inv_freq") || (tied && name === "lm_head.weight");

/** Missing and unexpected tensors, and those of another shape or kind, all told at once, before anything is read or written. */
export const checkAgainst = (
  entries: readonly StateEntry[],
  stored: SafetensorsFile,
  file: string,
  tied: boolean,
): void => {
  const wanted = new Map(
    entries.flatMap((entry) => {
      const expected = { shape: diskShape(entry).join(", "), dtype: entry.dtype };
      return diskNames(entry).map((name) => [name, expected] as const);
    }),
  );
  const missing = [...wanted.keys()].filter((name) => !stored.infos.has(name));
  const unexpected = [...stored.infos.keys()].filter(
    (name) => !wanted.has(name) && !redundant(name, tied),
  );
  const unlike = [...wanted].flatMap(([name, { shape, dtype }]) => {
    const got = stored.infos.get(name);
    if (got === undefined) return [];
    const found = got.shape.join(", ");
    if (found !== shape) return [`${name} is [${found}] here and [${shape}] in the model`];
    const held = hostType(got.format);
    if (held === undefined) return [`${name} is ${got.format}, which specc does not read`];
    return held === dtype ? [] : [`${name} is ${got.format} here and ${dtype} in the model`];
  });
  const reasons = [
    ...(missing.length > 0 ? [`missing: ${listed(missing)}`] : []),
    ...(unexpected.length > 0 ? [`not in the model: ${listed(unexpected)}`] : []),
    ...unlike.slice(0, 5),
  ];
  if (reasons.length > 0)
    throw new FileFault(
      file,
      `does not fit the model: ${reasons.join("; ")}`,
      "the weights are those of another model; of a Hugging Face folder, specc import makes one that they fit",
    );
};

/** Loads the entries of one kind. `stored` was checked; a value that cannot be read leaves the session for the caller to close. */
export const loadEntries = async (
  session: Session,
  entries: readonly StateEntry[],
  stored: SafetensorsFile,
  file: string,
): Promise<void> => {
  for (const entry of entries)
    await session.writeState({ [entry.name]: await readEntry(entry, stored, file) });
};

/** What a training that failed has left would fail again, later and without a name. */
const checkFinite = ({ data }: HostTensor, name: string, file: string): void => {
  if (!(data instanceof Float32Array)) return;
  for (let i = 0; i < data.length; i += 1) {
    if (Number.isFinite(data[i])) continue;
    throw new FileFault(
      file,
      `${name} holds ${Number.isNaN(data[i]) ? "NaN" : "an infinity"} (value ${i + 1} of ${data.length})`,
      "take an earlier checkpoint, or train again",
    );
  }
};

/** One tensor of an entry, as it lies on disk. */
const readPart = async (
  { dtype }: StateEntry,
  name: string,
  stored: SafetensorsFile,
  file: string,
): Promise<HostTensor> => {
  const tensor = await stored.read(name);
  if (tensor.dtype !== dtype) throw new Error(`${name}: ${tensor.dtype}, not ${dtype}`);
  checkFinite(tensor, name, file);
  return tensor;
};

/** One state of a file, as the engine holds it. */
export const readEntry = async (
  entry: StateEntry,
  stored: SafetensorsFile,
  file: string,
): Promise<HostTensor> => {
  const parts: HostTensor[] = [];
  for (const name of diskNames(entry)) parts.push(await readPart(entry, name, stored, file));
  return fromDisk(entry, parts);
};

/** Reads all there is to load and keeps nothing of it: for a session whose state must outlive a file that is damaged. */
export const checkValues = async (
  entries: readonly StateEntry[],
  stored: SafetensorsFile,
  file: string,
): Promise<void> => {
  for (const entry of entries)
    for (const name of diskNames(entry)) await readPart(entry, name, stored, file);
};

export const isTied = (manifest: Manifest): boolean =>
  manifest.model.config["tie_word_embeddings"] === true;
