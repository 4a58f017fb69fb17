// Multi-head latent attention: keys and values of all heads come out of one narrow vector a token, and that vector is all that
// generation keeps. Vocabulary in vocabulary.ts, the meaning in README.md.
// Legend: B batch, T positions, D hidden size, H heads, r width of the latent, n and p widths of a head's part without and
// with positions, v width of a head's values, S keys.
import type { Builder, Dim, Node } from "../../ir/types.ts";
import { attend } from "../../model/attention.ts";
import type { Cache } from "../../model/cache.ts";
import { flag, number, optionalNumber, variant } from "../../model/config.ts";
import { initOf, linear } from "../../model/layers.ts";
import type { LayerName } from "../../model/parameters.ts";
import { normalise } from "../../model/norms.ts";
import { dim, matMul, reshape, transpose } from "../../model/ops.ts";
import { latentScoreFactor, rotaryTables } from "../../model/rotary.ts";
import type { Cell, Layer } from "../../model/sites.ts";
import type { Variant } from "../../semantics/spec.ts";
import type { Feature } from "../feature.ts";
import { vocabulary } from "./vocabulary.ts";

const nameOf = ({ path, disk }: Cell, part: string, diskPart: string): LayerName => ({
  path: `${path}.attention.${part}`,
  disk: `${disk}.self_attn.${diskPart}`,
});
const project = (
  cell: Cell,
  part: string,
  diskPart: string,
  x: Node,
  out: number,
  bias: boolean,
): Node => {
  const { b, params } = cell;
  const name = nameOf(cell, part, diskPart);
  return b.at(part, undefined, () =>
    linear(b, params, x, {
      ...name,
      out: dim(part, out),
      bias,
      init: cell.startOf("attention", part),
    }),
  );
};
const latentNorm = (cell: Cell, spec: Variant, part: string, x: Node): Node =>
  cell.b.at(`${part}_norm`, undefined, () =>
    normalise(cell, variant(spec, "norm"), x, nameOf(cell, `${part}_norm`, `${part}_layernorm`)),
  );

/** The part of the last axis from `begin` on. */
const part = ({ b }: Cell, x: Node, begin: number, size: number): Node => {
  const shape = x.type.shape.slice(0, -1).map((d) => d.size);
  return b.emit("slice", [x], { begin: [...shape.map(() => 0), begin], size: [...shape, size] });
};

/** Rotary positions of pairs that lie side by side: channels 0, 2, 4, … come first, then 1, 3, 5, …, and halves are turned. */
const turn = ({ b }: Cell, x: Node, [cos, sin]: readonly [cos: Node, sin: Node]): Node => {
  const lead = x.type.shape.slice(0, -1);
  const d = x.type.shape.at(-1)!;
  const pairs = reshape(b, x, [...lead, dim("", d.size / 2), dim("", 2)]);
  const axes = lead.map((_, axis) => axis);
  const halves = transpose(b, pairs, [...axes, lead.length + 1, lead.length]);
  return b.emit("rope", [reshape(b, halves, [...lead, d]), cos, sin], {});
};

/** [B, T, H·w] -> [B, H, T, w] */
const heads = ({ b }: Cell, x: Node, H: number): Node => {
  const [B, T, all] = x.type.shape as readonly [Dim, Dim, Dim];
  const split = reshape(b, x, [B, T, dim("heads", H), dim("", all.size / H)]);
  return transpose(b, split, [0, 2, 1, 3]);
};

interface Sizes {
  readonly H: number;
  readonly r: number;
  readonly n: number;
  readonly p: number;
  readonly v: number;
}
const sizesOf = (spec: Variant): Sizes => ({
  H: number(spec, "heads"),
  r: number(spec, "kv_rank"),
  n: number(spec, "nope"),
  p: number(spec, "rope"),
  v: number(spec, "v"),
});
/** What a token asks with and what it leaves behind. */
interface Token {
  /** [B, H, T, n] */
  readonly q: Node;
  /** [B, H, T, p] */
  readonly qTurned: Node;
  /** [B, T, r] */
  readonly latent: Node;
  /** [B, T, p]: one for all heads. */
  readonly kTurned: Node;
}
/** A head's keys and values of a latent, side by side: [r, H·(n + v)]. */
const upWeight = (cell: Cell, { H, r, n, v }: Sizes): Node => {
  const { path, disk } = nameOf(cell, "kv_b", "kv_b_proj");
  return cell.params.get({
    name: `${path}.weight`,
    diskName: `${disk}.weight`,
    shape: [dim("latent", r), dim("kv_b", H * (n + v))],
    transposed: true,
    init: initOf(cell.startOf("attention", "kv_b"), r, H * (n + v)),
    role: "weight",
  });
};
const joined = (b: Builder, ...parts: readonly Node[]): Node =>
  b.emit("concat", [...parts], { axis: parts[0]!.type.shape.length - 1 });

/** Whole sequences: keys and values of every head are made, eq. 9-19. [B, H, T, v] */
const expanded = (cell: Cell, sizes: Sizes, token: Token, scale: number): Node => {
  const { b } = cell;
  const { H, n, p, v } = sizes;
  const [B, T] = token.latent.type.shape as readonly [Dim, Dim];
  const up = heads(cell, matMul(b, token.latent, upWeight(cell, sizes)), H);
  const turned = reshape(b, token.kTurned, [B, dim("", 1), T, dim("rope", p)]);
  const shared = b.emit("broadcastTo", [turned], { shape: [B, dim("heads", H), T, dim("", p)] });
  const keys = joined(b, part(cell, up, 0, n), shared);
  const queries = joined(b, token.q, token.qTurned);
  return attend(cell, queries, keys, part(cell, up, n, v), { scale }).mixed;
};

/**
 * Sequences that go on: the latents are all that is kept, and the products that would expand them are taken to the other
 * side, into queries and results (section 2.1.2). One key-value "head" then serves all. [B, H, T, v]
 */
const absorbed = (cell: Cell, sizes: Sizes, token: Token, scale: number, cache: Cache): Node => {
  const { b, path } = cell;
  const { H, r, n, v } = sizes;
  const [B, T] = token.latent.type.shape as readonly [Dim, Dim];
  const rows = joined(b, token.latent, token.kTurned);
  const kept = cache.extend(`${path}.attention.latent_cache`, rows); // [B, S, r + p]
  const [, S, width] = kept.type.shape as readonly [Dim, Dim, Dim];
  const keys = reshape(b, kept, [B, dim("", 1), S, width]);
  const split = [dim("latent", r), dim("heads", H), dim("", n + v)];
  const up = transpose(b, reshape(b, upWeight(cell, sizes), split), [1, 0, 2]); // [H, r, n + v]
  /** y [B, H, T, ·] by matrices of each head [H, ·, w]: [B, H, T, w] */
  const byHead = (y: Node, matrices: Node, turned: boolean, w: number): Node => {
    const last = y.type.shape[3]!;
    const rows = reshape(b, transpose(b, y, [1, 0, 2, 3]), [
      dim("heads", H),
      dim("", B.size * T.size),
      last,
    ]);
    const made = reshape(b, matMul(b, rows, matrices, turned), [dim("heads", H), B, T, dim("", w)]);
    return transpose(b, made, [1, 0, 2, 3]);
  };
  const queries = joined(b, byHead(token.q, part(cell, up, 0, n), true, r), token.qTurned);
  const inputs = [queries, keys, part(cell, keys, 0, r), cache.positions] as const;
  const mixed = b.emit("attention", inputs, { scale, causal: true, operands: ["positions"] });
  return byHead(mixed, part(cell, up, n, v), false, v);
};

const latentAttention: Layer = (cell, spec, x) => {
  const { b, cache, model } = cell;
  const [B, T, D] = x.type.shape as readonly [Dim, Dim, Dim];
  const sizes = sizesOf(spec);
  const { H, r, n, p, v } = sizes;
  const rank = optionalNumber(spec, "q_rank");
  const bias = flag(spec, "bias");
  const position = variant(spec, "position");
  const tables = rotaryTables(cell, T, dim("rope", p), position, model.context);

  const query = (): Node => {
    if (rank === null) return project(cell, "q", "q_proj", x, H * (n + p), false);
    const low = latentNorm(cell, spec, "q_a", project(cell, "q_a", "q_a_proj", x, rank, bias));
    return project(cell, "q_b", "q_b_proj", low, H * (n + p), false);
  };
  const q = heads(cell, query(), H); // [B, H, T, n + p]
  const down = project(cell, "kv_a", "kv_a_proj_with_mqa", x, r + p, bias);
  const key = reshape(b, part(cell, down, r, p), [B, dim("", 1), T, dim("rope", p)]);
  const token: Token = {
    q: part(cell, q, 0, n),
    qTurned: turn(cell, part(cell, q, n, p), tables),
    latent: latentNorm(cell, spec, "kv_a", part(cell, down, 0, r)),
    kTurned: reshape(b, turn(cell, key, tables), [B, T, dim("rope", p)]),
  };
  const scale = (n + p) ** -0.5 * latentScoreFactor(position);
  const mixed =
    cache === undefined
      ? expanded(cell, sizes, token, scale)
      : absorbed(cell, sizes, token, scale, cache); // [B, H, T, v]
  const flat = reshape(b, transpose(b, mixed, [0, 2, 1, 3]), [B, T, dim("heads", H * v)]);
  return project(cell, "o", "o_proj", flat, D.size, bias);
};

export const mla: Feature = {
  name: "mla",
  paper: {
    title: "DeepSeek-V2: A Strong, Economical, and Efficient Mixture-of-Experts Language Model",
    arxiv: "2405.04434",
  },
  vocabulary,
  kinds: { attention: { mla: { build: latentAttention } } },
};
