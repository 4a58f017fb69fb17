// Kernels that look along one axis in order, written over typed arrays.
import type { Kernels } from "../../bundle/kernels.ts";
import { sizeOf } from "../../bundle/tensor.ts";
import type { Device, Handle } from "./handles.ts";

export const orderKernels = ({
  allocate,
  values,
}: Pick<Device, "allocate" | "values">): Pick<Kernels<Handle>, "topK" | "cumSum"> => ({
  topK: (x, k, shape) => {
    const result = allocate(shape, "int32");
    const n = x.shape.at(-1) ?? 1;
    const [from, to] = [values(x), values(result)];
    // The k best so far are kept in order: k is small. Of equals the earlier stays before the later.
    for (let row = 0; row * n < from.length; row++) {
      const best = row * k;
      for (let i = 0; i < n; i++) {
        const value = from[row * n + i]!;
        let at = Math.min(i, k);
        while (at > 0 && from[row * n + to[best + at - 1]!]! < value) at--;
        if (at === k) continue;
        for (let j = Math.min(i, k - 1); j > at; j--) to[best + j] = to[best + j - 1]!;
        to[best + at] = i;
      }
    }
    return result;
  },
  cumSum: (x, { axis, exclusive, reverse }) => {
    const result = allocate(x.shape, x.dtype);
    const n = x.shape[axis] ?? 1;
    const inner = sizeOf(x.shape.slice(axis + 1));
    const [from, to] = [values(x), values(result)];
    for (let block = 0; block < from.length; block += n * inner)
      for (let step = 0; step < n; step++) {
        const at = block + (reverse ? n - 1 - step : step) * inner;
        const before = at + (reverse ? inner : -inner);
        for (let i = 0; i < inner; i++) {
          const total = step === 0 ? 0 : to[before + i]! + (exclusive ? from[before + i]! : 0);
          to[at + i] = exclusive ? total : total + from[at + i]!;
        }
      }
    return result;
  },
});
