// For engines that run one op after the other, each a way through memory. XLA fuses ops, and where a product has several users it
// may compute it anew for each: there these rules cost time.
import { rewriteGraph, rule, type Rule } from "../ir/rewrite.ts";
import { count, sameSizes } from "../ir/shape.ts";
import type { Pass } from "../ir/types.ts";

const none = {} as const;

const subPart: Rule = rule(
  "sub-part",
  "x - s · x = (1 - s) · x, where s is smaller than x",
  ["sub"],
  (b, { inputs: [x, part], type }) => {
    // in bf16, 1 - s would lose a small s
    if (part.op !== "mul" || type.dtype !== "f32" || !sameSizes(x.type.shape, type.shape))
      return undefined;
    const [p, q] = part.inputs;
    const s = p === x ? q : q === x ? p : undefined;
    if (s === undefined || count(s.type) >= count(x.type)) return undefined;
    const one = b.emit("full", [], { dtype: "f32", shape: [], value: 1 });
    return b.emit("mul", [x, b.emit("sub", [one, s], none)], none);
  },
);

export const opByOp: Pass = {
  name: "op-by-op",
  doc: "fewer ops for what XLA would fuse",
  run: (graph) => rewriteGraph(graph, [subPart]),
};
