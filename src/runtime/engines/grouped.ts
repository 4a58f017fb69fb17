// Products whose rows choose their matrix: the rows of a group are gathered, multiplied once, and put back. A group without
// rows costs nothing.
import type { GroupedSizes, Kernels } from "../../bundle/kernels.ts";
import type { Device, Handle, TfType } from "./handles.ts";

/** Elements of a buffer from `at` on. */
export interface Window {
  readonly of: Handle;
  readonly at: number;
}
/** x [m, k] · y [k, n], or y [n, k] where it is turned, into `to` [m, n]; the heap may move. */
export type Multiply = (
  x: Window,
  y: Window,
  to: Window,
  sizes: readonly [m: number, k: number, n: number],
  turned?: boolean,
) => void;

interface Parts extends Pick<Device, "allocate" | "values"> {
  readonly multiply: Multiply;
  readonly free: (x: Handle) => void;
}

/** Rows by group, those of no group left out: `order` lists them, group g's from `starts[g]` on. */
const sorted = (
  at: ArrayLike<number>,
  groups: number,
): { readonly order: Int32Array; readonly starts: Int32Array } => {
  const starts = new Int32Array(groups + 1);
  const known = (g: number): boolean => g >= 0 && g < groups;
  for (let a = 0; a < at.length; a++) if (known(at[a]!)) starts[at[a]! + 1]!++;
  for (let g = 0; g < groups; g++) starts[g + 1]! += starts[g]!;
  const next = starts.slice();
  const order = new Int32Array(starts[groups]!);
  for (let a = 0; a < at.length; a++) if (known(at[a]!)) order[next[at[a]!]!++] = a;
  return { order, starts };
};
const largestRun = (starts: Int32Array): number => {
  let most = 0;
  for (let g = 0; g + 1 < starts.length; g++) most = Math.max(most, starts[g + 1]! - starts[g]!);
  return most;
};

export const groupedKernels = ({
  allocate,
  values,
  multiply,
  free,
}: Parts): Pick<Kernels<Handle>, "grouped" | "groupedOuter"> => {
  const FLOAT: TfType = "float32";
  const zeros = (shape: readonly number[]): Handle => {
    const made = allocate(shape, FLOAT);
    values(made).fill(0);
    return made;
  };
  /** Runs `use` with buffers of so many floats, which end with it. */
  const borrowing = (sizes: readonly number[], use: (buffers: readonly Handle[]) => void): void => {
    const buffers = sizes.map((size) => allocate([size], FLOAT));
    use(buffers);
    buffers.forEach(free);
  };
  /** Rows of x, one after the other. */
  const gatherRows = (
    x: Handle,
    width: number,
    each: number,
    rows: Int32Array,
    to: Handle,
  ): void => {
    const [from, into] = [values(x), values(to)];
    rows.forEach((row, i) => {
      const at = Math.floor(row / each) * width;
      into.set(from.subarray(at, at + width), i * width);
    });
  };
  /** Rows of x as the columns of a matrix. */
  const gatherColumns = (
    x: Handle,
    width: number,
    each: number,
    rows: Int32Array,
    to: Handle,
  ): void => {
    const [from, into] = [values(x), values(to)];
    const n = rows.length;
    for (let i = 0; i < n; i++)
      for (let j = 0, p = Math.floor(rows[i]! / each) * width; j < width; j++, p++)
        into[j * n + i] = from[p]!;
  };
  const start = (of: Handle, at = 0): Window => ({ of, at });

  const grouped = (
    x: Handle,
    w: Handle,
    at: Handle,
    sizes: GroupedSizes,
    shape: readonly number[],
  ): Handle => {
    const { groups, xEach, widths } = sizes;
    const [k, n] = widths;
    const { order, starts } = sorted(values(at), groups);
    const result = zeros(shape);
    const most = largestRun(starts);
    borrowing([most * k, most * n], ([rows, made]) => {
      for (let g = 0; g < groups; g++) {
        const own = order.subarray(starts[g], starts[g + 1]);
        if (own.length === 0) continue;
        gatherRows(x, k, xEach, own, rows!);
        multiply(start(rows!), start(w, g * k * n), start(made!), [own.length, k, n]);
        const [from, into] = [values(made!), values(result)];
        own.forEach((row, i) => into.set(from.subarray(i * n, (i + 1) * n), row * n));
      }
    });
    return result;
  };
  const groupedOuter = (
    x: Handle,
    y: Handle,
    at: Handle,
    sizes: GroupedSizes,
    shape: readonly number[],
  ): Handle => {
    const { groups, xEach, yEach, widths } = sizes;
    const [m, n] = widths;
    const { order, starts } = sorted(values(at), groups);
    const result = zeros(shape);
    const most = largestRun(starts);
    borrowing([most * m, most * n], ([columns, rows]) => {
      for (let g = 0; g < groups; g++) {
        const own = order.subarray(starts[g], starts[g + 1]);
        if (own.length === 0) continue;
        gatherColumns(x, m, xEach, own, columns!);
        gatherRows(y, n, yEach, own, rows!);
        multiply(start(columns!), start(rows!), start(result, g * m * n), [m, own.length, n]);
      }
    });
    return result;
  };
  return { grouped, groupedOuter };
};
