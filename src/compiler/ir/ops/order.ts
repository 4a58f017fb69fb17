// Ops that look along one axis in order: the largest elements, sums up to each place.
import { count, showType, sizes, tensor } from "../shape.ts";
import type { OpTable } from "../types.ts";
import { elementCost, fault, isFloat } from "./row.ts";

export const order: Pick<OpTable, "topK" | "cumSum"> = {
  topK: {
    doc: "where the k largest elements of each row stand, largest first, of equal ones the first: x [..., n] -> i32 [..., k]",
    kind: "primitive",
    infer: ([x], { k }) =>
      isFloat(x.dtype) && x.shape.length > 0 && k.size >= 1 && k.size <= x.shape.at(-1)!.size
        ? tensor("i32", [...x.shape.slice(0, -1), k])
        : fault(`the ${k.size} largest of ${showType(x)}`),
    grad: "zero",
    evaluate: ([x], node) => {
      const n = node.inputs[0].type.shape.at(-1)!.size;
      const k = node.attrs.k.size;
      const out = new Float64Array(count(node.type));
      for (let row = 0; row * k < out.length; row++) {
        const values = x.subarray(row * n, (row + 1) * n);
        const places = Array.from(values, (_v, i) => i);
        places.sort((i, j) => values[j]! - values[i]! || i - j);
        out.set(places.slice(0, k), row * k);
      }
      return out;
    },
    cost: elementCost(0),
    samples: [
      { inputs: ["f32[n=3,e=6]"], attrs: { k: { name: "k", size: 2 } } },
      { inputs: ["f32[b=2,t=2,e=5]"], attrs: { k: { name: "k", size: 5 } }, values: ["grid"] },
    ],
  },
  cumSum: {
    doc: "sums of what stands up to each place along `axis`; `exclusive`: without the place itself, `reverse`: from the end",
    kind: "primitive",
    infer: ([x], { axis }) =>
      isFloat(x.dtype) && axis >= 0 && axis < x.shape.length
        ? x
        : fault(`sums along axis ${axis} of ${showType(x)}`),
    grad: (b, node, dy) => [
      b.emit("cumSum", [dy], { ...node.attrs, reverse: !node.attrs.reverse }),
    ],
    evaluate: ([x], node) => {
      const { axis, exclusive, reverse } = node.attrs;
      const shape = sizes(node.type);
      const n = shape[axis]!;
      const inner = shape.slice(axis + 1).reduce((a, s) => a * s, 1);
      const out = new Float64Array(x.length);
      for (let line = 0; line * n < x.length; line++) {
        const first = Math.floor(line / inner) * n * inner + (line % inner);
        let sum = 0;
        for (let i = 0; i < n; i++) {
          const at = first + (reverse ? n - 1 - i : i) * inner;
          if (exclusive) out[at] = sum;
          sum += x[at]!;
          if (!exclusive) out[at] = sum;
        }
      }
      return out;
    },
    cost: elementCost(1),
    samples: [
      { inputs: ["f32[n=5]"], attrs: { axis: 0, exclusive: false, reverse: false } },
      { inputs: ["f32[n=4,e=3]"], attrs: { axis: 0, exclusive: true, reverse: false } },
      { inputs: ["f32[b=2,n=3,e=2]"], attrs: { axis: 1, exclusive: true, reverse: true } },
      { inputs: ["f32[n=4,e=3]"], attrs: { axis: 1, exclusive: false, reverse: true } },
    ],
  },
};
