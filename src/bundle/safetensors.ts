// Weights at rest: safetensors files, whole, by range, or in shards with an index. Reading copies: nothing returned shares
// memory with the file. Every fault of a file is a FileFault.
import { FileFault } from "./file-fault.ts";
import {
  decodeTensor,
  encodeTensor,
  FORMAT_BYTES,
  FORMAT_OF,
  type NumberFormat,
} from "./number-formats.ts";
import { headerLength, parseHeader, type TensorPlace } from "./safetensors-header.ts";
import { sizeOf, type HostTensor, type Tensors } from "./tensor.ts";

export { FileFault } from "./file-fault.ts";

const decode = (place: TensorPlace, bytes: Uint8Array, file: string): HostTensor => {
  const tensor = decodeTensor(place.format, place.shape, bytes);
  if (typeof tensor === "string")
    throw new FileFault(file, `tensor ${JSON.stringify(place.name)}: ${tensor}`);
  return tensor;
};

export interface Safetensors {
  readonly tensors: Readonly<Record<string, HostTensor>>;
  readonly metadata: Readonly<Record<string, string>>;
}
export const readSafetensors = (bytes: Uint8Array, file = "safetensors"): Safetensors => {
  const length = headerLength(bytes, bytes.length, file);
  const { metadata, places } = parseHeader(bytes.subarray(8, 8 + length), bytes.length, file);
  const tensors = places.map((place): [string, HostTensor] => [
    place.name,
    decode(place, bytes.subarray(place.begin, place.end), file),
  ]);
  return { tensors: Object.fromEntries(tensors), metadata };
};

/** A file that is read in pieces. */
export interface RangeReader {
  readonly file: string;
  readonly bytes: number;
  read(begin: number, end: number): Promise<Uint8Array>;
  close(): Promise<void>;
}
export interface TensorInfo {
  readonly format: NumberFormat;
  readonly shape: readonly number[];
}
/** One file or many shards: headers are read at once, tensors when asked for. */
export interface SafetensorsFile {
  readonly metadata: Readonly<Record<string, string>>;
  readonly infos: ReadonlyMap<string, TensorInfo>;
  /** Which file beside the index holds a tensor; undefined for a single file. */
  readonly shards?: ReadonlyMap<string, string>;
  read(name: string): Promise<HostTensor>;
  /** The bytes as they lie there, in the tensor's own format. */
  readBytes(name: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

const exactly = async (reader: RangeReader, begin: number, end: number): Promise<Uint8Array> => {
  const bytes = await reader.read(begin, end);
  if (bytes.length === end - begin) return bytes;
  throw new FileFault(reader.file, `cut short while it was read, at byte ${begin + bytes.length}`);
};

const readHeader = async (reader: RangeReader): Promise<ReturnType<typeof parseHeader>> => {
  const { file, bytes } = reader;
  const first = await exactly(reader, 0, Math.min(8, bytes));
  const length = headerLength(first, bytes, file);
  return parseHeader(await exactly(reader, 8, 8 + length), bytes, file);
};

/** The reader is closed with the file, and where it is none. */
export const openSafetensors = async (reader: RangeReader): Promise<SafetensorsFile> => {
  const { file } = reader;
  const { metadata, places } = await readHeader(reader).catch(async (error: unknown) => {
    await reader.close();
    throw error;
  });
  const infos = new Map(places.map((place) => [place.name, place]));
  const find = (name: string): TensorPlace => {
    const place = infos.get(name);
    if (place === undefined) throw new FileFault(file, `no tensor ${JSON.stringify(name)}`);
    return place;
  };
  const bytesOf = ({ begin, end }: TensorPlace): Promise<Uint8Array> => exactly(reader, begin, end);
  return {
    metadata,
    infos,
    read: async (name) => {
      const place = find(name);
      return decode(place, await bytesOf(place), file);
    },
    readBytes: (name) => bytesOf(find(name)),
    close: () => reader.close(),
  };
};

/** A whole file in memory as one that is read by range. */
export const bytesReader = (bytes: Uint8Array, file: string): RangeReader => ({
  file,
  bytes: bytes.length,
  read: async (begin, end) => bytes.subarray(begin, end),
  close: async () => undefined,
});

const weightMap = (text: string, file: string): ReadonlyMap<string, string> => {
  const fault = (): FileFault =>
    new FileFault(file, "not an index of shards: no weight_map from tensors to files");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw fault();
  }
  const map: unknown =
    typeof json === "object" && json !== null && "weight_map" in json ? json.weight_map : undefined;
  if (typeof map !== "object" || map === null || Array.isArray(map)) throw fault();
  return new Map(
    Object.entries(map).map(([name, shard]: [string, unknown]) => {
      // A shard lies beside its index; anything else would reach outside the folder.
      if (typeof shard !== "string" || !/^[^/\\]+\.safetensors$/.test(shard)) {
        throw new FileFault(file, `tensor ${JSON.stringify(name)} names no shard beside the index`);
      }
      return [name, shard];
    }),
  );
};

/** `model.safetensors.index.json`: each shard is opened once, and holds exactly the tensors that the index gives to it. */
export const openShards = async (
  index: string,
  file: string,
  open: (shard: string) => Promise<RangeReader>,
): Promise<SafetensorsFile> => {
  const map = weightMap(index, file);
  const shards = new Map<string, SafetensorsFile>();
  const close = async (): Promise<void> => {
    await Promise.all([...shards.values()].map((shard) => shard.close()));
  };
  const infos = new Map<string, TensorInfo>();
  const addShard = async (shard: string): Promise<void> => {
    const opened = await openSafetensors(await open(shard));
    shards.set(shard, opened);
    for (const [name, info] of opened.infos) {
      const quoted = JSON.stringify(name);
      if (map.get(name) !== shard)
        throw new FileFault(shard, `holds tensor ${quoted}, which ${file} does not give to it`);
      infos.set(name, info);
    }
  };
  try {
    for (const shard of [...new Set(map.values())].sort()) await addShard(shard);
    for (const [name, shard] of map) {
      if (!infos.has(name))
        throw new FileFault(shard, `no tensor ${JSON.stringify(name)}, which ${file} gives to it`);
    }
  } catch (error) {
    await close();
    throw error;
  }
  const shardOf = (name: string): SafetensorsFile => {
    const shard = shards.get(map.get(name) ?? "");
    if (shard === undefined) throw new FileFault(file, `no tensor ${JSON.stringify(name)}`);
    return shard;
  };
  return {
    metadata: {},
    infos,
    shards: map,
    read: async (name) => shardOf(name).read(name),
    readBytes: async (name) => shardOf(name).readBytes(name),
    close,
  };
};

/** How a file of these tensors begins, and the order of the bytes that follow: for files that are written piece by piece. */
export interface FilePlan {
  /** Length, header and padding. */
  readonly head: Uint8Array;
  /** Names in the order of their bytes. */
  readonly order: readonly string[];
  /** Of the whole file. */
  readonly bytes: number;
}
/** Wider formats first, then by name, so that every tensor is aligned and equal tensors give equal bytes. */
export const planSafetensors = (
  infos: ReadonlyMap<string, TensorInfo>,
  metadata: Readonly<Record<string, string>> = {},
): FilePlan => {
  const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  const entries = [...infos].sort(
    ([a, x], [b, y]) => FORMAT_BYTES[y.format] - FORMAT_BYTES[x.format] || byName(a, b),
  );
  let at = 0;
  const described = entries.map(([name, { format, shape }]): [string, unknown] => {
    const begin = at;
    at += sizeOf(shape) * FORMAT_BYTES[format];
    return [name, { dtype: format, shape, data_offsets: [begin, at] }];
  });
  // Some loaders refuse a file without the format entry.
  const header = Object.fromEntries([
    ["__metadata__", { format: "pt", ...metadata }],
    ...described,
  ]);
  const text = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(text.length / 8) * 8;
  const head = new Uint8Array(8 + padded).fill(0x20, 8);
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true);
  head.set(text, 8);
  return { head, order: entries.map(([name]) => name), bytes: head.length + at };
};

export const writeSafetensors = (
  tensors: Tensors,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array => {
  const infos = Object.entries(tensors).map(([name, { dtype, shape, data }]) => {
    if (data.length !== sizeOf(shape))
      throw new Error(`${name}: ${data.length} values for [${shape.join(", ")}]`);
    return [name, { format: FORMAT_OF[dtype], shape }] as const;
  });
  const { head, order, bytes } = planSafetensors(new Map(infos), metadata);
  const file = new Uint8Array(bytes);
  file.set(head);
  let offset = head.length;
  for (const name of order) {
    const part = encodeTensor(tensors[name]!);
    file.set(part, offset);
    offset += part.length;
  }
  return file;
};
