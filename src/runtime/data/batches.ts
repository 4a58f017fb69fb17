// Which samples make the batch of a step: any step can be asked for, so that a resumed run meets the same data.
import { dataOrder } from "../random.ts";
import type { Batch, Picked, Samples } from "./samples.ts";

export interface TrainingOrder {
  /** Passes of the 0-based update `step`: batch/micro of them, each of `micro` samples. */
  batchAt(step: number): readonly Batch[];
  /** Epochs gone when `steps` updates are done. */
  epochAfter(steps: number): number;
}

/** Samples in a new order each epoch, keyed (seed, epoch); a batch may span two epochs, so no sample is left out. */
export const trainingOrder = (
  samples: Samples,
  seed: number,
  batch: number,
  micro: number,
): TrainingOrder => {
  const orders = new Map<number, Uint32Array>();
  const orderOf = (epoch: number): Uint32Array => {
    const known = orders.get(epoch);
    if (known !== undefined) return known;
    if (orders.size > 1) orders.clear();
    const order = dataOrder(seed, epoch, samples.count);
    orders.set(epoch, order);
    return order;
  };
  const pick = (n: number): Picked => {
    const epoch = Math.floor(n / samples.count);
    return { index: orderOf(epoch)[n % samples.count]!, variation: { seed, epoch } };
  };
  return {
    batchAt: (step) =>
      Array.from({ length: batch / micro }, (_, part) => {
        const first = step * batch + part * micro;
        return samples.batch(
          Array.from({ length: micro }, (__, i) => pick(first + i)),
          micro,
        );
      }),
    epochAfter: (steps) => (steps * batch) / samples.count,
  };
};

/** Updates that see every sample `epochs` times. */
export const stepsFor = (samples: Samples, epochs: number, batch: number): number =>
  Math.max(1, Math.round((epochs * samples.count) / batch));
