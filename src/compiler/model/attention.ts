// Softmax attention and how positions enter it. Legend: B batch, T positions, D hidden size, H heads, K key-value heads,
// d head width.
import type { AttentionAttrs, Dim, Node } from "../ir/types.ts";
import type { Variant } from "../semantics/spec.ts";
import { flag, number, optionalNumber, variant } from "./config.ts";
import { project, rotaryTables } from "./layers.ts";
import { dim, reshape, transpose } from "./ops.ts";
import type { Layer } from "./sites.ts";
import type { Cell } from "./stage.ts";

/** Of q [B, H, T, d] to k and v [B, K, T, d] and, with a cache, to those before them; it holds [B, K, C, d]. -> [B, H, T, d] */
export const attend = (
  { b, cache, path }: Cell,
  q: Node,
  k: Node,
  v: Node,
  attrs: Pick<AttentionAttrs, "scale" | "window" | "softcap">,
): Node => {
  if (cache === undefined) return b.emit("attention", [q, k, v], { ...attrs, causal: true });
  const keys = cache.extend(`${path}.attention.k_cache`, k);
  const values = cache.extend(`${path}.attention.v_cache`, v);
  return b.emit("attention", [q, keys, values, cache.positions], {
    ...attrs,
    causal: true,
    operands: ["positions"],
  });
};

/** Causal self-attention, arXiv 1706.03762; K < H is grouped (2305.13245), K = 1 multi-query. [B, T, D] -> [B, T, D] */
const attention =
  (keyValueHeads: (spec: Variant) => number): Layer =>
  (cell, spec, x) => {
    const { b, model } = cell;
    const [B, T, D] = x.type.shape as readonly [Dim, Dim, Dim];
    const H = number(spec, "heads");
    const d = dim("d", optionalNumber(spec, "head_dim") ?? model.hidden_size / H);
    const bias = flag(spec, "bias");
    const position = variant(spec, "position");

    const heads = (part: "q" | "k" | "v", n: number): Node => {
      const y = project(cell, ["attention", part], x, dim("heads", n * d.size), bias); // [B, T, n·d]
      return transpose(b, reshape(b, y, [B, T, dim("h", n), d]), [0, 2, 1, 3]); // [B, n, T, d]
    };
    const turn = (y: Node): Node => {
      if (position.is !== "rope") return y;
      const [cos, sin] = rotaryTables(cell, T, d, number(position, "theta"));
      return b.emit("rope", [y, cos, sin], {});
    };
    const K = keyValueHeads(spec);
    const q = turn(heads("q", H)); // [B, H, T, d]
    const k = turn(heads("k", K)); // [B, K, T, d]
    const v = heads("v", K);
    const mixed = attend(cell, q, k, v, { scale: d.size ** -0.5 }); // [B, H, T, d]
    const joined = reshape(b, transpose(b, mixed, [0, 2, 1, 3]), [B, T, dim("heads", H * d.size)]);
    return project(cell, ["attention", "o"], joined, D, bias);
  };

export const attentionKinds: Readonly<Record<string, Layer>> = {
  mha: attention((spec) => number(spec, "heads")),
  gqa: attention((spec) => number(spec, "kv")),
  mqa: attention(() => 1),
};
