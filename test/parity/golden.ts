// Reads golden cases: safetensors written by reference implementations, and the same weights as this compiler's graphs hold
// them (language paths, linear weights transposed).
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Parameter } from "../../src/compiler/model/parameters.ts";

export interface Golden {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}
export type Tensors = Readonly<Record<string, Golden>>;

const file = (name: string): string => fileURLToPath(new URL(`data/${name}`, import.meta.url));
export const readJson = (name: string): unknown => JSON.parse(readFileSync(file(name), "utf8"));

/** F32 and I32 tensors of one file under data/, as float64. */
export const readGolden = (name: string): Tensors => {
  const bytes = readFileSync(file(name));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString("utf8")) as Record<
    string,
    {
      readonly dtype: string;
      readonly shape: readonly number[];
      readonly data_offsets: readonly [number, number];
    }
  >;
  const tensors: Record<string, Golden> = {};
  for (const [key, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (key === "__metadata__") continue;
    const from = 8 + length + data_offsets[0];
    const data = new Float64Array((data_offsets[1] - data_offsets[0]) / 4);
    for (let i = 0; i < data.length; i++)
      data[i] =
        dtype === "I32" ? view.getInt32(from + 4 * i, true) : view.getFloat32(from + 4 * i, true);
    tensors[key] = { shape, data };
  }
  return tensors;
};

export const golden = (tensors: Tensors, name: string): Golden => {
  const tensor = tensors[name];
  if (tensor === undefined) throw new Error(`the golden file has no ${name}`);
  return tensor;
};

/** [rows, columns] -> [columns, rows], row-major. */
export const transpose = (data: Float64Array, rows: number, columns: number): Float64Array => {
  const out = new Float64Array(data.length);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) out[c * rows + r] = data[r * columns + c]!;
  return out;
};

type Held = Pick<Parameter, "name" | "diskName" | "transposed">;

/** Tensors of the disk, under `prefix` + the disk name, as the graph holds them: one, or the places of a stack. */
export const held = (tensors: Tensors, p: Held, prefix = ""): Float64Array => {
  const parts: Float64Array[] = [];
  const nameOf = (i: number): string => prefix + p.diskName.replace("{}", String(i));
  do {
    const { shape, data } = golden(tensors, nameOf(parts.length));
    parts.push(p.transposed ? transpose(data, shape[0]!, shape[1]!) : data);
  } while (p.diskName.includes("{}") && nameOf(parts.length) in tensors);
  return parts.length === 1 ? parts[0]! : Float64Array.from(parts.flatMap((part) => [...part]));
};

/** All parameters from one or more files, later ones win; `otherwise` for those that lie in none. */
export const stateFrom = (
  parameters: readonly Held[],
  tensors: Tensors,
  otherwise?: (p: Held) => Float64Array,
): Record<string, Float64Array> =>
  Object.fromEntries(
    parameters.map((p) => [
      p.name,
      otherwise !== undefined && !(p.diskName.replace("{}", "0") in tensors)
        ? otherwise(p)
        : held(tensors, p),
    ]),
  );

/** Greatest absolute difference. */
export const maxDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  if (a.length !== b.length) throw new Error(`${a.length} elements against ${b.length}`);
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= worst)) worst = difference; // NaN stays
  }
  return worst;
};
export const maxAbs = (a: ArrayLike<number>): number => {
  let worst = 0;
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(a[i]!));
  return worst;
};

/** labels [B, T] -> targets [B, T]: shifted left by one, the last column ignored. */
export const shiftLabels = (labels: Golden): Float64Array => {
  const [B = 0, T = 0] = labels.shape;
  const targets = new Float64Array(B * T).fill(-100);
  for (let b = 0; b < B; b++)
    for (let t = 0; t + 1 < T; t++) targets[b * T + t] = labels.data[b * T + t + 1]!;
  return targets;
};
