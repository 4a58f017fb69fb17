// The kernels that both tfjs devices share: leaves, look-ups of rows, batches of products and plain copies. What differs
// (loops, one product, allocation) comes in as functions.
import type { Kernels } from "../../bundle/kernels.ts";
import { sizeOf } from "../../bundle/tensor.ts";
import { groupedKernels, type Multiply } from "./grouped.ts";
import { TF_TYPE, type Device, type Handle } from "./handles.ts";
import { orderKernels } from "./order.ts";

export interface DeviceParts extends Omit<Device, "kernels"> {
  readonly loopInto: Kernels<Handle>["loopInto"];
  readonly multiply: Multiply;
  readonly call: Kernels<Handle>["call"];
  readonly free: (x: Handle) => void;
}

export const makeDevice = (parts: DeviceParts): Device => {
  const { allocate, values } = parts;
  const kernels: Kernels<Handle> = {
    constant: (numbers, shape, dtype) => {
      const result = allocate(shape, TF_TYPE[dtype]);
      values(result).set(numbers);
      return result;
    },
    filled: (value, shape, dtype) => {
      const result = allocate(shape, TF_TYPE[dtype]);
      values(result).fill(value);
      return result;
    },
    range: (shape, axis, dtype) => {
      const result = allocate(shape, TF_TYPE[dtype]);
      const inner = sizeOf(shape.slice(axis + 1));
      const to = values(result);
      for (let i = 0; i < to.length; i++) to[i] = Math.floor(i / inner) % shape[axis]!;
      return result;
    },
    view: (x, shape) => ({ ...x, shape: [...shape] }),
    loop: (spec, loads, name) => {
      const result = allocate(spec.shape, TF_TYPE[spec.store.dtype]);
      parts.loopInto(spec, result, loads, name);
      return result;
    },
    loopInto: parts.loopInto,
    product: (x, y, [batch, m, k, n, turned], shape) => {
      const result = allocate(shape, "float32");
      for (let i = 0; i < batch; i++)
        parts.multiply(
          { of: x, at: i * m * k },
          { of: y, at: i * k * n },
          { of: result, at: i * m * n },
          [m, k, n],
          turned,
        );
      return result;
    },
    gather: (table, ids, shape, name) => {
      const result = allocate(shape, table.dtype);
      const [rows, width] = [table.shape[0]!, table.shape[1]!];
      const [from, at, to] = [values(table), values(ids), values(result)];
      for (let i = 0; i < at.length; i++) {
        const row = at[i]!;
        if (row < 0 || row >= rows) throw new RangeError(`${name}: id ${row} is not below ${rows}`);
        to.set(from.subarray(row * width, (row + 1) * width), i * width);
      }
      return result;
    },
    scatterAdd: (ids, rows, shape, name) => {
      const result = allocate(shape, rows.dtype);
      const [size, width] = [shape[0]!, shape[1]!];
      const [at, from, to] = [values(ids), values(rows), values(result)];
      to.fill(0);
      for (let i = 0; i < at.length; i++) {
        const row = at[i]!;
        if (row < 0 || row >= size) throw new RangeError(`${name}: id ${row} is not below ${size}`);
        for (let j = 0, o = row * width, p = i * width; j < width; j++, o++, p++)
          to[o]! += from[p]!;
      }
      return result;
    },
    writeRows: (target, rows, start, [batch, each, count, capacity, width]) => {
      const [to, from, at] = [values(target), values(rows), values(start)];
      for (let b = 0; b < batch; b++) {
        const [first, end] = [Math.max(0, -at[b]!), Math.min(count, capacity - at[b]!)];
        if (first >= end) continue;
        for (let i = b * each; i < (b + 1) * each; i++)
          to.set(
            from.subarray((i * count + first) * width, (i * count + end) * width),
            (i * capacity + at[b]! + first) * width,
          );
      }
    },
    ...orderKernels(parts),
    ...groupedKernels(parts),
    call: parts.call,
    free: parts.free,
  };
  return { kernels, values, allocate, liveBuffers: parts.liveBuffers };
};
