// How exported weights are spread over files, and the index that says so.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { FORMAT_BYTES, type NumberFormat } from "../../bundle/number-formats.ts";
import { sizeOf } from "../../bundle/tensor.ts";
import type { Source } from "../../compiler/huggingface/views.ts";
import { CliError } from "../errors.ts";
import { WEIGHTS, WEIGHTS_INDEX } from "../../bundle/names.ts";

/** Number formats as config.json calls them. */
export const DTYPES = { float32: "F32", bfloat16: "BF16", float16: "F16" } as const;
export type DtypeName = keyof typeof DTYPES;

/** Files and their tensors, in the order of the files. */
export type Shards = ReadonlyMap<string, readonly string[]>;

const bytesOf = (source: Source, name: string): number => {
  const { format, shape } = source.infos.get(name)!;
  return sizeOf(shape) * FORMAT_BYTES[format];
};

/** That of most of the weights' bytes. */
export const dtypeOf = (source: Source): string => {
  const bytes = (format: NumberFormat): number =>
    [...source.infos].reduce(
      (sum, [name, info]) => sum + (info.format === format ? bytesOf(source, name) : 0),
      0,
    );
  const all = Object.entries({ ...DTYPES, float64: "F64" } as const);
  const sizes = all.map(([name, format]) => ({ name, bytes: bytes(format) }));
  return sizes.reduce((best, one) => (one.bytes > best.bytes ? one : best)).name;
};

/** As they lay before. */
export const sameShards = (
  names: readonly string[],
  before: ReadonlyMap<string, string>,
): Shards => {
  const shards = new Map(
    [...new Set(before.values())].sort().map((file) => [file, [] as string[]]),
  );
  for (const name of names) shards.get(before.get(name)!)?.push(name);
  return shards;
};

/** Filled one after the other, in the order of the data. */
export const fillShards = (source: Source, names: readonly string[], limit: number): Shards => {
  const shards: string[][] = [];
  let room = 0;
  for (const name of names) {
    const bytes = bytesOf(source, name);
    if (shards.length === 0 || bytes > room) {
      shards.push([]);
      room = limit;
    }
    shards.at(-1)!.push(name);
    room -= bytes;
  }
  if (shards.length <= 1) return new Map([[WEIGHTS, shards[0] ?? []]]);
  const number = (n: number): string => String(n).padStart(5, "0");
  return new Map(
    shards.map((part, i) => [
      `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`,
      part,
    ]),
  );
};

export const indexText = (source: Source, shards: Shards): string => {
  const places = [...shards].flatMap(([file, names]) => names.map((name) => [name, file] as const));
  const total = (of: (name: string) => number): number =>
    places.reduce((sum, [name]) => sum + of(name), 0);
  const metadata = {
    total_parameters: total((name) => sizeOf(source.infos.get(name)!.shape)),
    total_size: total((name) => bytesOf(source, name)),
  };
  const weight_map = Object.fromEntries(places.sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${JSON.stringify({ metadata, weight_map }, null, 2)}\n`;
};

/** Weights of another model beside the files that are written would be loaded in place of these. */
export const clearStale = (
  folder: string,
  written: { has(file: string): boolean },
  replace: boolean,
): void => {
  if (!existsSync(folder)) return;
  const index = !written.has(WEIGHTS);
  const stale = readdirSync(folder).filter(
    (file) =>
      (/^model.*\.safetensors$/.test(file) && !written.has(file)) ||
      (file === WEIGHTS_INDEX && !index),
  );
  if (stale.length === 0) return;
  if (!replace)
    throw new CliError(`${folder} holds other weights: ${stale.join(", ")}`, [
      "choose another folder, or replace them with --overwrite",
    ]);
  for (const file of stale) rmSync(join(folder, file));
};
