// A whole decoder, top to bottom: embedding, blocks of attention and feed-forward layer, final norm, head.
// Legend: B batch, T positions, D hidden size, H heads, K key-value heads, d head width, F intermediate size, V vocabulary.
import { InternalError, type Span } from "../diagnostics/types.ts";
import { count } from "../ir/shape.ts";
import type { Builder, Dim, Node } from "../ir/types.ts";
import type { BlockSpec, ModelSpec } from "../semantics/spec.ts";
import { flag, number, optionalNumber, text, variant } from "./config.ts";
import { initOf, linear, normalise, rotaryTables } from "./layers.ts";
import { add, dim, gather, matMul, mul, relu, reshape, silu, square, transpose } from "./ops.ts";
import type { Parameters } from "./parameters.ts";
import type { Method, Site, SubLayer } from "./sites.ts";

export interface Stage {
  readonly b: Builder;
  readonly params: Parameters;
  readonly methods: readonly Method[];
  /** The line a path of the spec was written on: "blocks.3.attention". */
  readonly spanOf: (path: string) => Span | undefined;
}
export interface Forward {
  /** [B, T, V] */
  readonly logits: Node;
  /** Embeddings, then the output of each block: L + 1 nodes [B, T, D]. */
  readonly hidden: readonly Node[];
}
/** One block under construction. */
interface Cell extends Stage {
  readonly model: ModelSpec;
  readonly block: BlockSpec;
  /** From 0, as paths and checkpoints count. */
  readonly i: number;
}

/** ids i32 [B, T] -> logits and block states. `pick` chooses positions [B, T', D] of the last state before norm and head. */
export const decoder = (
  stage: Stage,
  model: ModelSpec,
  ids: Node,
  pick: (x: Node) => Node = (x) => x,
): Forward => {
  const { b, params } = stage;
  const at = (path: string, make: () => Node): Node => b.at(path, stage.spanOf(path), make);
  let x = at("embedding", () => embed(stage, model, ids)); // [B, T, D]
  const hidden = [x];
  model.blocks.forEach((block, i) => {
    x = at(`blocks.${i}`, () => blockOf({ ...stage, model, block, i }, x));
    hidden.push(x);
  });
  x = pick(x); // [B, T', D]
  const { final_norm: norm } = model;
  if (norm !== null)
    x = at("final_norm", () =>
      normalise(b, params, norm, x, { path: "final_norm", disk: "model.norm" }),
    );
  return { logits: at("head", () => head(stage, model, x)), hidden };
};

/** [B, T] -> [B, T, D] */
const embed = ({ b, params }: Stage, model: ModelSpec, ids: Node): Node => {
  const D = dim("hidden", model.hidden_size);
  const padding = optionalNumber(model.embedding, "padding");
  const init = initOf(variant(model.embedding, "init"));
  const table = params.get({
    name: "embedding.weight",
    diskName: "model.embed_tokens.weight",
    shape: [dim("vocab", model.vocab_size), D],
    init: padding === null || init.kind !== "normal" ? init : { ...init, zeroRow: padding },
    role: "embedding",
    frozenRow: padding,
  });
  const x = gather(b, table, ids);
  const learned = model.blocks
    .map((block) => variant(block.attention, "position"))
    .find((position) => position.is === "learned");
  if (learned === undefined) return x;
  const positions = params.get({
    name: "position.weight",
    diskName: "model.embed_positions.weight",
    shape: [dim("context", model.context), D],
    init: initOf(variant(learned, "init")),
    role: "embedding",
  });
  const T = ids.type.shape[1]!.size;
  return add(b, x, b.emit("slice", [positions], { begin: [0, 0], size: [T, D.size] }));
};

/** [B, T, D] -> [B, T, D] */
const blockOf = (cell: Cell, x: Node): Node => {
  const u = residual(cell, "attention", (h) => attention(cell, h), x);
  return residual(cell, "ffn", (h) => feedForward(cell, h), u);
};

/** pre: h + F(N(h)); post: N(h + F(h)); methods wrap what the sites name. */
const residual = (cell: Cell, sub: SubLayer, layer: (h: Node) => Node, h: Node): Node => {
  const { b, params, block, i, spanOf } = cell;
  const placement = block.norm.is;
  const site = (name: Site, x: Node): Node => wrap(cell, sub, name, x);
  const name = {
    path: `blocks.${i}.${sub}_norm`,
    disk: `model.layers.${i}.${normOnDisk(placement, sub)}`,
  };
  const N = (x: Node): Node => {
    const make = (): Node => normalise(b, params, variant(block.norm, "norm"), x, name);
    return site("norm.out", b.at(`${sub}_norm`, spanOf(`blocks.${i}.norm`), make));
  };
  const F = (x: Node): Node => {
    const make = (): Node => layer(x);
    return site("branch.out", b.at(sub, spanOf(`blocks.${i}.${sub}`), make));
  };
  const stream = site("residual.in", h);
  const plus = (branch: Node): Node =>
    site("residual.out", add(b, site("residual.skip", stream), branch));
  switch (placement) {
    case "pre":
      return plus(F(N(stream)));
    case "post":
      return N(plus(F(stream)));
    default:
      throw new InternalError(`no norm placement ${placement}`);
  }
};

/** The names of the field: `post_attention_layernorm` is the norm before a Pre block's FFN, and after a Post block's attention. */
const normOnDisk = (placement: string, sub: SubLayer): string => {
  if (placement === "post")
    return sub === "attention" ? "post_attention_layernorm" : "post_feedforward_layernorm";
  return sub === "attention" ? "input_layernorm" : "post_attention_layernorm";
};

/** Lets every method that the block uses act at a site, in the order of the list. */
const wrap = (cell: Cell, subLayer: SubLayer, site: Site, x: Node): Node => {
  const { b, params, methods, model, block, i, spanOf } = cell;
  return methods.reduce((before, method) => {
    const config = method.configOf(block);
    const apply = method.sites?.[site];
    if (config === undefined || apply === undefined) return before;
    const key = Object.keys(block).find((k) => block[k] === config) ?? "";
    const make = (): Node =>
      apply(before, config, {
        b,
        block,
        subLayer,
        depth: model.blocks.length,
        placement: block.norm.is,
        param: (p) =>
          params.get({
            ...p,
            name: `blocks.${i}.${p.name}`,
            diskName: `model.layers.${i}.${p.diskName}`,
          }),
      });
    return b.at(method.name, spanOf(`blocks.${i}.${key}`), make);
  }, x);
};

/** x [B, T, in] -> [B, T, out] by the block's layer "attention.q", "self_attn.q_proj" on disk. */
const project = (
  { b, params, model, i }: Cell,
  [sub, part]: readonly [SubLayer, string],
  x: Node,
  out: Dim,
  bias: boolean,
): Node => {
  const disk = `model.layers.${i}.${sub === "attention" ? "self_attn" : "mlp"}.${part}_proj`;
  const layer = { path: `blocks.${i}.${sub}.${part}`, disk, out, bias, init: model.init };
  return b.at(part, undefined, () => linear(b, params, x, layer));
};

/** Causal self-attention, arXiv 1706.03762; K < H is grouped (2305.13245), K = 1 multi-query. [B, T, D] -> [B, T, D] */
const attention = (cell: Cell, x: Node): Node => {
  const { b, model } = cell;
  const spec = cell.block.attention;
  const [B, T, D] = x.type.shape as readonly [Dim, Dim, Dim];
  const H = number(spec, "heads");
  const K = spec.is === "mha" ? H : spec.is === "mqa" ? 1 : number(spec, "kv");
  const d = dim("d", optionalNumber(spec, "head_dim") ?? model.hidden_size / H);
  const bias = flag(spec, "bias");
  const position = variant(spec, "position");

  const heads = (part: "q" | "k" | "v", n: number): Node => {
    const y = project(cell, ["attention", part], x, dim("heads", n * d.size), bias); // [B, T, n·d]
    return transpose(b, reshape(b, y, [B, T, dim("h", n), d]), [0, 2, 1, 3]); // [B, n, T, d]
  };
  const turn = (y: Node): Node => {
    if (position.is !== "rope") return y;
    const [cos, sin] = rotaryTables(b, T, d, number(position, "theta")); // [T, d]
    return b.emit("rope", [y, cos, sin], {});
  };
  const q = turn(heads("q", H)); // [B, H, T, d]
  const k = turn(heads("k", K)); // [B, K, T, d]
  const v = heads("v", K);
  const mixed = b.emit("attention", [q, k, v], { scale: d.size ** -0.5, causal: true }); // [B, H, T, d]
  const joined = reshape(b, transpose(b, mixed, [0, 2, 1, 3]), [B, T, dim("heads", H * d.size)]);
  return project(cell, ["attention", "o"], joined, D, bias);
};

/** Gated forms: arXiv 2002.05202; relu2: 2109.08668. [B, T, D] -> [B, T, D] */
const feedForward = (cell: Cell, x: Node): Node => {
  const { b } = cell;
  const spec = cell.block.ffn;
  const D = x.type.shape.at(-1)!;
  const F = dim("ffn", number(spec, "intermediate"));
  const bias = flag(spec, "bias");
  const to = (part: "gate" | "up"): Node => project(cell, ["ffn", part], x, F, bias); // [B, T, F]
  const gelu = (y: Node): Node =>
    b.emit("gelu", [y], { approximate: text(spec, "approximate") === "tanh" ? "tanh" : "none" });
  const inner = (): Node => {
    switch (spec.is) {
      case "swiglu":
        return mul(b, silu(b, to("gate")), to("up"));
      case "geglu":
        return mul(b, gelu(to("gate")), to("up"));
      case "gelu":
        return gelu(to("up"));
      case "relu2":
        return square(b, relu(b, to("up")));
      default:
        throw new InternalError(`no feed-forward layer ${spec.is}`);
    }
  };
  return project(cell, ["ffn", "down"], inner(), D, bias);
};

/** [B, T, D] -> [B, T, V] */
const head = ({ b, params }: Stage, model: ModelSpec, x: Node): Node => {
  const V = dim("vocab", model.vocab_size);
  const name = { path: "head", disk: "lm_head" };
  if (!flag(model.head, "tied"))
    return linear(b, params, x, { ...name, out: V, bias: false, init: model.init });
  // The embedding is [V, D]: one product with it read transposed, over all rows at once.
  const D = x.type.shape.at(-1)!;
  const rows = reshape(b, x, [dim("", count(x.type) / D.size), D]); // [B·T, D]
  const logits = matMul(b, rows, params.node("embedding.weight"), true); // [B·T, V]
  return reshape(b, logits, [...x.type.shape.slice(0, -1), V]);
};
