// What says when something is computed, not what.
import type { OpTable } from "../types.ts";
import { fault, free } from "./row.ts";

export const barriers: Pick<OpTable, "barrier"> = {
  barrier: {
    doc: "operand `of`, given only when all operands are there; what is computed from it is computed anew, never shared with what is computed from the operand itself",
    kind: "primitive",
    atLeast: 1,
    infer: (inputs, { of }) => inputs[of] ?? fault(`no operand ${of}`),
    grad: (_b, node, dy) => node.inputs.map((_x, i) => (i === node.attrs.of ? dy : null)),
    evaluate: (inputs, node) => inputs[node.attrs.of]!.slice(),
    cost: free,
    samples: [
      { inputs: ["f32[b=2,d=3]", "f32[]"], attrs: { of: 0 } },
      { inputs: ["i32[t=2]", "f32[b=2,d=3]"], attrs: { of: 1 }, values: ["ids<5", "any"] },
    ],
  },
};
