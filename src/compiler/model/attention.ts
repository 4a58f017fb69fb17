// Softmax attention and what is done to its queries, keys and scores. Legend: B batch, T positions, D hidden size, H heads,
// K key-value heads, d head width.
import type { AttentionAttrs, Dim, Node } from "../ir/types.ts";
import type { Variant } from "../semantics/spec.ts";
import { flag, number, optionalNumber, optionalVariant, variant } from "./config.ts";
import { project } from "./layers.ts";
import { normalise } from "./norms.ts";
import { dim, mul, reshape, sigmoid, sub, transpose } from "./ops.ts";
import { positionsOf } from "./positions.ts";
import type { Cell, Layer, LayerKind } from "./sites.ts";

/** Causal self-attention, arXiv 1706.03762; K < H is grouped (2305.13245), K = 1 multi-query. [B, T, D] -> [B, T, D] */
const attention =
  (keyValueHeads: (spec: Variant) => number): Layer =>
  (cell, spec, x) => {
    const { b, model } = cell;
    const [B, T, D] = x.type.shape as readonly [Dim, Dim, Dim];
    const H = number(spec, "heads");
    const K = keyValueHeads(spec);
    const d = dim("d", optionalNumber(spec, "head_dim") ?? model.hidden_size / H);
    const bias = flag(spec, "bias");
    const { turn, slopes } = positionsOf(cell, variant(spec, "position"), T, d, H);

    const heads = (part: "q" | "k" | "v", n: number): Node => {
      const width = dim("heads", n * d.size);
      const y = project(cell, ["attention", part], x, width, bias); // [B, T, n·d]
      const split = [B, T, dim("h", n), d];
      const normed = part === "v" ? reshape(b, y, split) : normHeads(cell, spec, part, y, split);
      return transpose(b, normed, [0, 2, 1, 3]); // [B, n, T, d]
    };
    const q = turn(heads("q", H)); // [B, H, T, d]
    const k = turn(heads("k", K)); // [B, K, T, d]
    const v = heads("v", K);
    const seen = attend(cell, q, k, v, {
      scale: optionalNumber(spec, "scale") ?? d.size ** -0.5,
      ...optional("window", optionalNumber(spec, "window")),
      ...optional("softcap", optionalNumber(spec, "softcap")),
      ...optional("slopes", slopes),
    });
    const mixed = flag(spec, "sinks") ? drained(cell, seen) : seen.mixed; // [B, H, T, d]
    const joined = reshape(b, transpose(b, mixed, [0, 2, 1, 3]), [B, T, dim("heads", H * d.size)]);
    return project(cell, ["attention", "o"], joined, D, flag(spec, "out_bias"));
  };

export const attentionKinds: Readonly<Record<string, LayerKind>> = {
  mha: { build: attention((spec) => number(spec, "heads")) },
  gqa: { build: attention((spec) => number(spec, "kv")) },
  mqa: { build: attention(() => 1) },
};

/** Queries or keys [B, T, n·d] as heads [B, T, n, d], normalised where the block asks for it, arXiv 2010.04245. */
const normHeads = (
  cell: Cell,
  spec: Variant,
  part: "q" | "k",
  y: Node,
  split: readonly Dim[],
): Node => {
  const { b } = cell;
  const qkNorm = optionalVariant(spec, "qk_norm");
  if (qkNorm === null) return reshape(b, y, split);
  const name = `${part}_norm`;
  const at = { path: `${cell.path}.attention.${name}`, disk: `${cell.disk}.self_attn.${name}` };
  const norm = (x: Node): Node =>
    b.at(name, undefined, () => normalise(cell, variant(qkNorm, "norm"), x, at));
  return qkNorm.is === "joint" ? reshape(b, norm(y), split) : norm(reshape(b, y, split));
};

/** Scores of queries with keys, and what a softmax of them makes of the values: made once for the result and what sinks take. */
interface Attending {
  /** [B, H, T, d] */
  readonly mixed: Node;
  /** Log-sum-exp of each query's scores [B, H, T]. */
  readonly lse: () => Node;
}
/** Of q [B, H, T, d] to k and v [B, K, T, d] and, with a cache, to those before them; it holds [B, K, C, d]. */
export const attend = (
  { b, cache, path }: Cell,
  q: Node,
  k: Node,
  v: Node,
  choices: Omit<AttentionAttrs, "causal" | "operands">,
): Attending => {
  const attrs: AttentionAttrs = {
    ...choices,
    causal: true,
    ...(cache !== undefined && { operands: ["positions"] }),
  };
  const inputs: readonly [Node, Node, Node, ...Node[]] =
    cache === undefined
      ? [q, k, v]
      : [
          q,
          cache.extend(`${path}.attention.k_cache`, k),
          cache.extend(`${path}.attention.v_cache`, v),
          cache.positions,
        ];
  return {
    mixed: b.emit("attention", inputs, attrs),
    lse: () => b.emit("attentionStats", inputs, attrs),
  };
};

/** With a further logit s in its softmax a head keeps the share Σe^score / (Σe^score + e^s) = σ(lse - s). [B, H, T, d] */
const drained = ({ b, param }: Cell, { mixed, lse }: Attending): Node => {
  const heads = mixed.type.shape[1]!;
  const s = param({
    name: "attention.sinks",
    diskName: "self_attn.sinks",
    shape: [heads],
    init: { kind: "constant", value: 0 },
    role: "sink",
  });
  const kept = sigmoid(b, sub(b, lse(), reshape(b, s, [heads, dim("", 1)]))); // [B, H, T]
  return mul(b, mixed, reshape(b, kept, [...kept.type.shape, dim("", 1)]));
};

const optional = <K extends string, T>(
  key: K,
  value: T | null | undefined,
): Partial<Readonly<Record<K, T>>> =>
  value === null || value === undefined ? {} : ({ [key]: value } as Record<K, T>);
