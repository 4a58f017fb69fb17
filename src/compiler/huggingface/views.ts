// A checkpoint seen as another: under specc's names or a family's, in another number format. Nothing is read before it is
// asked for, and then one tensor at a time.
import {
  decodeTensor,
  encodeAs,
  tooLargeFor,
  type NumberFormat,
} from "../../bundle/number-formats.ts";
import type { RawTensor } from "../../bundle/raw-tensor.ts";
import type { TensorInfo } from "../../bundle/safetensors.ts";
import { FileFault } from "../../bundle/file-fault.ts";
import { build, leavesOf, shapeOf, takeApart, type Layout, type Shapes } from "./layout.ts";

export interface Source {
  readonly infos: ReadonlyMap<string, TensorInfo>;
  readBytes(name: string): Promise<Uint8Array>;
}

/** A checkpoint whose names lack the prefix that its family has, as one that has it. */
export const withPrefix = (source: Source, prefix: string | undefined): Source => {
  if (prefix === undefined || [...source.infos.keys()].some((name) => name.startsWith(prefix)))
    return source;
  return {
    infos: new Map([...source.infos].map(([name, info]) => [prefix + name, info])),
    readBytes: (name) => source.readBytes(name.slice(prefix.length)),
  };
};

const rawOf = async (source: Source, name: string): Promise<RawTensor> => {
  const { format, shape } = source.infos.get(name)!;
  return { format, shape, bytes: await source.readBytes(name) };
};

/** A family's checkpoint as specc's: what both sides have. */
export const asOurs = (theirs: Source, layout: Layout, ours: Shapes): Source => {
  const from = new Map<string, string>();
  for (const [name, made] of layout)
    if (theirs.infos.has(name)) for (const leaf of leavesOf(made)) from.set(leaf, name);
  const infos = [...from].map(([name, source]): [string, TensorInfo] => [
    name,
    { format: theirs.infos.get(source)!.format, shape: ours.get(name)! },
  ]);
  // Parts of one tensor are asked for in turn with those of another (k, o, q, v): two are kept.
  const kept = new Map<string, ReturnType<typeof takeApart>>();
  const partsOf = async (source: string): Promise<ReturnType<typeof takeApart>> => {
    const known = kept.get(source);
    if (known !== undefined) return known;
    const parts = takeApart(layout.get(source)!, await rawOf(theirs, source), ours);
    for (const old of [...kept.keys()].slice(0, -1)) kept.delete(old);
    if (parts.length > 1) kept.set(source, parts);
    return parts;
  };
  return {
    infos: new Map(infos),
    readBytes: async (name) => {
      const parts = await partsOf(from.get(name)!);
      return parts.find(([part]) => part === name)![1].bytes;
    },
  };
};

/** The formats of what a tensor is made of agree, or there is no one format for it. */
const formatOf = (names: readonly string[], infos: Source["infos"]): NumberFormat => {
  const formats = [...new Set(names.map((name) => infos.get(name)!.format))];
  if (formats.length === 1) return formats[0]!;
  throw new FileFault(
    names.join(", "),
    `are joined in this family, but lie as ${formats.join(" and ")}`,
    "choose one with --dtype",
  );
};

/** specc's checkpoint as a family's. */
export const asTheirs = (ours: Source, layout: Layout): Source => {
  const shapes: Shapes = new Map([...ours.infos].map(([name, { shape }]) => [name, shape]));
  const infos = [...layout].map(([name, made]): [string, TensorInfo] => [
    name,
    { format: formatOf(leavesOf(made), ours.infos), shape: shapeOf(made, shapes) },
  ]);
  return {
    infos: new Map(infos),
    readBytes: async (name) => (await build(layout.get(name)!, (leaf) => rawOf(ours, leaf))).bytes,
  };
};

const FLOATS: ReadonlySet<NumberFormat> = new Set(["F64", "F32", "F16", "BF16"]);

/** Floats in another format, rounded to nearest even; integers as they are. */
export const inFormat = (source: Source, format: NumberFormat): Source => ({
  infos: new Map(
    [...source.infos].map(([name, info]) => [
      name,
      FLOATS.has(info.format) ? { ...info, format } : info,
    ]),
  ),
  readBytes: async (name) => {
    const info = source.infos.get(name)!;
    const bytes = await source.readBytes(name);
    if (info.format === format || !FLOATS.has(info.format)) return bytes;
    const tensor = decodeTensor(info.format, info.shape, bytes);
    if (typeof tensor === "string") throw new FileFault(name, tensor);
    const data = tensor.data as Float32Array;
    const lost = tooLargeFor(format, data);
    if (lost !== undefined)
      throw new FileFault(
        name,
        `holds ${lost}, which is too large for ${format}`,
        "choose another --dtype",
      );
    return encodeAs(format, data);
  },
});
