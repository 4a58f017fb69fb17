// Leaves: what comes from outside (inputs, state) and what the compiler knows (constants).
import { count, sizes, stridesOf, tensor } from "../shape.ts";
import type { OpTable } from "../types.ts";
import { fault, free } from "./row.ts";

export const leaves: Pick<OpTable, "input" | "state" | "constant" | "full" | "iota"> = {
  input: {
    doc: "a tensor given to each run, by name",
    kind: "leaf",
    infer: (_inputs, attrs) => tensor(attrs.dtype, attrs.shape),
    grad: "zero",
    cost: free,
    samples: [{ inputs: [], attrs: { name: "x", dtype: "f32", shape: [{ name: "b", size: 2 }] } }],
  },
  state: {
    doc: "the present value of a named state, f32 unless `dtype` says otherwise: a cache may be bf16, a mask is bool",
    kind: "leaf",
    infer: (_inputs, attrs) => tensor(attrs.dtype ?? "f32", attrs.shape),
    grad: "zero",
    cost: free,
    samples: [{ inputs: [], attrs: { name: "w", shape: [{ name: "d", size: 3 }] } }],
  },
  constant: {
    doc: "values written out, row-major",
    kind: "leaf",
    infer: (_inputs, attrs) => {
      const type = tensor(attrs.dtype, attrs.shape);
      return attrs.values.length === count(type)
        ? type
        : fault(`${attrs.values.length} values for ${count(type)} elements`);
    },
    grad: "zero",
    evaluate: (_inputs, node) => Float64Array.from(node.attrs.values),
    cost: free,
    samples: [
      { inputs: [], attrs: { dtype: "f32", shape: [{ name: "", size: 3 }], values: [0.5, -1, 2] } },
    ],
  },
  full: {
    doc: "one value in every element",
    kind: "leaf",
    infer: (_inputs, attrs) => tensor(attrs.dtype, attrs.shape),
    grad: "zero",
    evaluate: (_inputs, node) => new Float64Array(count(node.type)).fill(node.attrs.value),
    cost: free,
    samples: [{ inputs: [], attrs: { dtype: "f32", shape: [{ name: "", size: 2 }], value: 1.5 } }],
  },
  iota: {
    doc: "0, 1, 2, … along one axis, constant along the others",
    kind: "leaf",
    infer: (_inputs, attrs) =>
      attrs.axis >= 0 && attrs.axis < attrs.shape.length
        ? tensor(attrs.dtype, attrs.shape)
        : fault(`no axis ${attrs.axis} in rank ${attrs.shape.length}`),
    grad: "zero",
    evaluate: (_inputs, node) => {
      const shape = sizes(node.type);
      const stride = stridesOf(shape)[node.attrs.axis]!;
      const size = shape[node.attrs.axis]!;
      return new Float64Array(count(node.type)).map((_v, i) => Math.floor(i / stride) % size);
    },
    cost: free,
    samples: [
      {
        inputs: [],
        attrs: {
          dtype: "i32",
          shape: [
            { name: "t", size: 3 },
            { name: "s", size: 2 },
          ],
          axis: 0,
        },
      },
      { inputs: [], attrs: { dtype: "f32", shape: [{ name: "t", size: 3 }], axis: 0 } },
    ],
  },
};
