// Which windows make the batch of a step: any step can be asked for, so that a resumed run meets the same data.
import { dataOrder } from "../random.ts";
import type { HostTensor } from "../../bundle/tensor.ts";
import type { Windows } from "./windows.ts";

export interface Batch {
  /** [B, T]. */
  readonly input_ids: HostTensor;
  /** [B, T], already shifted; -100 does not count. */
  readonly targets: HostTensor;
}

/** Rows without a window are ignored targets. */
export const batchOf = (windows: Windows, indices: readonly number[], rows: number): Batch => {
  const shape = [rows, windows.sequence];
  const inputs = new Int32Array(rows * windows.sequence);
  const targets = new Int32Array(rows * windows.sequence).fill(-100);
  indices.forEach((index, row) => windows.fill(index, inputs, targets, row));
  return {
    input_ids: { dtype: "i32", shape, data: inputs },
    targets: { dtype: "i32", shape, data: targets },
  };
};

export interface TrainingOrder {
  /** Passes of the 0-based update `step`: batch/micro of them, each of `micro` windows. */
  batchAt(step: number): readonly Batch[];
  /** Epochs gone when `steps` updates are done. */
  epochAfter(steps: number): number;
}

/** Windows in a new order each epoch, keyed (seed, epoch); a batch may span two epochs, so no window is left out. */
export const trainingOrder = (
  windows: Windows,
  seed: number,
  batch: number,
  micro: number,
): TrainingOrder => {
  const orders = new Map<number, Uint32Array>();
  const orderOf = (epoch: number): Uint32Array => {
    const known = orders.get(epoch);
    if (known !== undefined) return known;
    if (orders.size > 1) orders.clear();
    const order = dataOrder(seed, epoch, windows.count);
    orders.set(epoch, order);
    return order;
  };
  const windowAt = (sample: number): number =>
    orderOf(Math.floor(sample / windows.count))[sample % windows.count]!;
  return {
    batchAt: (step) =>
      Array.from({ length: batch / micro }, (_, part) => {
        const first = step * batch + part * micro;
        return batchOf(
          windows,
          Array.from({ length: micro }, (__, i) => windowAt(first + i)),
          micro,
        );
      }),
    epochAfter: (steps) => (steps * batch) / windows.count,
  };
};

/** Updates that see every window `epochs` times. */
export const stepsFor = (windows: Windows, epochs: number, batch: number): number =>
  Math.max(1, Math.round((epochs * windows.count) / batch));
