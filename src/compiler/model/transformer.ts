// A whole decoder, top to bottom: embedding, blocks of attention and feed-forward layer, final norm, head.
// Legend: B batch, T positions, D hidden size, H heads, K key-value heads, d head width, F intermediate size, V vocabulary.
// Linear weights are [in, out] here and [out, in] on disk, so that no product reads a transposed operand.
import type { Init } from "../../bundle/manifest.ts";
import { InternalError, type Span } from "../diagnostics/types.ts";
import { count } from "../ir/shape.ts";
import type { Builder, Dim, Node } from "../ir/types.ts";
import type { BlockSpec, ModelSpec, Variant } from "../semantics/spec.ts";
import { flag, number, optionalNumber, text, variant } from "./config.ts";
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

const dim = (name: string, size: number): Dim => ({ name, size });
const norm0 = (init: Variant): Init => {
  if (init.is === "normal") return { kind: "normal", std: number(init, "std") };
  throw new InternalError(`no initial distribution ${init.is}`);
};

/** ids i32 [B, T] -> logits and block states. `pick` chooses positions [B, T', D] of the last state before norm and head. */
export const decoder = (
  stage: Stage,
  model: ModelSpec,
  ids: Node,
  pick: (x: Node) => Node = (x) => x,
): Forward => {
  const { b } = stage;
  const at = <T>(path: string, make: () => T): T =>
    b.at(path.replace(".", "/"), stage.spanOf(path), make);
  const embedded = at("embedding", () => embed(stage, model, ids));
  const hidden = [embedded];
  let x = embedded; // [B, T, D]
  model.blocks.forEach((block, i) => {
    x = b.at(`blocks.${i}`, stage.spanOf(`blocks.${i}`), () => blockOf(stage, model, block, x));
    hidden.push(x);
  });
  x = pick(x);
  const { final_norm } = model;
  if (final_norm !== null)
    x = at("final_norm", () =>
      normalise(stage, final_norm, x, { path: "final_norm", disk: "model.norm" }),
    );
  return { logits: at("head", () => head(stage, model, x)), hidden };
};

const embed = (stage: Stage, model: ModelSpec, ids: Node): Node => {
  const { b, params } = stage;
  const padding = optionalNumber(model.embedding, "padding");
  const init = norm0(variant(model.embedding, "init"));
  const D = dim("hidden", model.hidden_size);
  const table = params.get({
    name: "embedding.weight",
    diskName: "model.embed_tokens.weight",
    shape: [dim("vocab", model.vocab_size), D],
    init: padding === null || init.kind !== "normal" ? init : { ...init, zeroRow: padding },
    role: "embedding",
    frozenRow: padding,
  });
  const x = b.emit("gather", [table, ids], {});
  const learned = model.blocks
    .map((block) => variant(block.attention, "position"))
    .find((p) => p.is === "learned");
  if (learned === undefined) return x;
  const positions = params.get({
    name: "position.weight",
    diskName: "model.embed_positions.weight",
    shape: [dim("context", model.context), D],
    init: norm0(variant(learned, "init")),
    role: "embedding",
  });
  const T = ids.type.shape[1]!;
  return b.emit(
    "add",
    [x, b.emit("slice", [positions], { begin: [0, 0], size: [T.size, D.size] })],
    {},
  );
};

const blockOf = (stage: Stage, model: ModelSpec, block: BlockSpec, x: Node): Node => {
  const attend = (h: Node): Node => attention(stage, model, block, h);
  const feed = (h: Node): Node => feedForward(stage, model, block, h);
  return residual(
    stage,
    model,
    block,
    "ffn",
    feed,
    residual(stage, model, block, "attention", attend, x),
  );
};

/** pre: h + F(N(h)); post: N(h + F(h)); features wrap what the sites name. */
const residual = (
  stage: Stage,
  model: ModelSpec,
  block: BlockSpec,
  sub: SubLayer,
  layer: (h: Node) => Node,
  h: Node,
): Node => {
  const { b } = stage;
  const i = block.layer - 1;
  const placement = block.norm.is;
  const kind = variant(block.norm, "norm");
  const within = (site: Site, y: Node): Node => wrap(stage, model, block, sub, site, y);
  const disk = `model.layers.${i}.${normOnDisk(placement, sub)}`;
  const norm = (y: Node): Node => {
    const normed = b.at(`${sub}_norm`, stage.spanOf(`blocks.${i}.norm`), () =>
      normalise(stage, kind, y, { path: `blocks.${i}.${sub}_norm`, disk }),
    );
    return within("norm.out", normed);
  };
  const body = (y: Node): Node =>
    within(
      "branch.out",
      b.at(sub, stage.spanOf(`blocks.${i}.${sub}`), () => layer(y)),
    );
  const x = within("residual.in", h);
  const join = (branch: Node): Node =>
    within("residual.out", b.emit("add", [within("residual.skip", x), branch], {}));
  switch (placement) {
    case "pre":
      return join(body(norm(x)));
    case "post":
      return norm(join(body(x)));
    default:
      throw new InternalError(`no norm placement ${placement}`);
  }
};

/** The names of the field: one name has two roles, see the conventions of the LLaMA family and of Post-LN forks. */
const normOnDisk = (placement: string, sub: SubLayer): string =>
  placement === "post"
    ? sub === "attention"
      ? "post_attention_layernorm"
      : "post_feedforward_layernorm"
    : sub === "attention"
      ? "input_layernorm"
      : "post_attention_layernorm";

const wrap = (
  stage: Stage,
  model: ModelSpec,
  block: BlockSpec,
  subLayer: SubLayer,
  site: Site,
  x: Node,
): Node => {
  const { b, params, methods } = stage;
  const i = block.layer - 1;
  let y = x;
  for (const method of methods) {
    const config = method.configOf(block);
    const apply = method.sites?.[site];
    if (config === undefined || apply === undefined) continue;
    const before = y;
    y = b.at(method.name, stage.spanOf(`blocks.${i}`), () =>
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
      }),
    );
  }
  return y;
};

const normalise = (
  stage: Stage,
  kind: Variant,
  x: Node,
  name: { readonly path: string; readonly disk: string },
): Node => {
  const { b, params } = stage;
  const D = x.type.shape.at(-1)!;
  const vector = (part: "weight" | "bias", value: number): Node =>
    params.get({
      name: `${name.path}.${part}`,
      diskName: `${name.disk}.${part}`,
      shape: [D],
      init: { kind: "constant", value },
      role: part === "bias" ? "bias" : "norm",
    });
  switch (kind.is) {
    case "rmsnorm":
      return b.emit("rmsNorm", [x, vector("weight", 1)], { eps: number(kind, "eps") });
    case "layernorm": {
      const bias = flag(kind, "bias")
        ? vector("bias", 0)
        : b.emit("full", [], { dtype: "f32", shape: [D], value: 0 });
      return b.emit("layerNorm", [x, vector("weight", 1), bias], { eps: number(kind, "eps") });
    }
    default:
      throw new InternalError(`no norm ${kind.is}`);
  }
};

/** x [..., in] · W [in, out] + bias. */
const linear = (
  stage: Stage,
  model: ModelSpec,
  x: Node,
  out: Dim,
  path: string,
  disk: string,
  bias: boolean,
): Node => {
  const { b, params } = stage;
  const weight = params.get({
    name: `${path}.weight`,
    diskName: `${disk}.weight`,
    shape: [x.type.shape.at(-1)!, out],
    transposed: true,
    init: norm0(model.init),
    role: "weight",
  });
  const y = b.emit("matMul", [x, weight], { transposeX: false, transposeY: false });
  if (!bias) return y;
  return b.emit(
    "add",
    [
      y,
      params.get({
        name: `${path}.bias`,
        diskName: `${disk}.bias`,
        shape: [out],
        init: { kind: "constant", value: 0 },
        role: "bias",
      }),
    ],
    {},
  );
};

/** [B, T, D] -> [B, T, D] */
const attention = (stage: Stage, model: ModelSpec, block: BlockSpec, x: Node): Node => {
  const { b } = stage;
  const spec = block.attention;
  const i = block.layer - 1;
  const [B, T] = x.type.shape as readonly [Dim, Dim, Dim];
  const heads = number(spec, "heads");
  const keys = spec.is === "mha" ? heads : spec.is === "mqa" ? 1 : number(spec, "kv");
  const d = dim("d", optionalNumber(spec, "head_dim") ?? model.hidden_size / heads);
  const bias = flag(spec, "bias");
  const position = variant(spec, "position");
  const project = (part: string, h: number): Node => {
    const flat = linear(
      stage,
      model,
      x,
      dim("heads", h * d.size),
      `blocks.${i}.attention.${part}`,
      `model.layers.${i}.self_attn.${part}_proj`,
      bias,
    );
    const split = b.emit("reshape", [flat], { shape: [B, T, dim("h", h), d] }); // [B, T, h, d]
    return b.emit("transpose", [split], { perm: [0, 2, 1, 3] }); // [B, h, T, d]
  };
  const turn = (y: Node): Node => {
    if (position.is !== "rope") return y;
    const { cos, sin } = rotaryTables(b, T, d, number(position, "theta"));
    return b.emit("rope", [y, cos, sin], {});
  };
  const q = turn(project("q", heads)); // [B, H, T, d]
  const k = turn(project("k", keys)); // [B, K, T, d]
  const v = project("v", keys);
  const mixed = b.emit("attention", [q, k, v], { scale: d.size ** -0.5, causal: true }); // [B, H, T, d]
  const joined = b.emit("reshape", [b.emit("transpose", [mixed], { perm: [0, 2, 1, 3] })], {
    shape: [B, T, dim("heads", heads * d.size)],
  });
  return linear(
    stage,
    model,
    joined,
    dim("hidden", model.hidden_size),
    `blocks.${i}.attention.o`,
    `model.layers.${i}.self_attn.o_proj`,
    bias,
  );
};

/** cos and sin of t · theta^(-2i/d), both halves alike: [T, d]. In-graph, so that a bundle carries no tables. */
const rotaryTables = (
  b: Builder,
  T: Dim,
  d: Dim,
  theta: number,
): { readonly cos: Node; readonly sin: Node } => {
  const frequencies = Array.from(
    { length: d.size },
    (_v, i) => theta ** ((-2 * (i % (d.size / 2))) / d.size),
  );
  const angles = b.emit(
    "mul",
    [
      b.emit("iota", [], { dtype: "f32", shape: [T, d], axis: 0 }),
      b.emit("constant", [], { dtype: "f32", shape: [d], values: frequencies.map(Math.fround) }),
    ],
    {},
  );
  return { cos: b.emit("cos", [angles], {}), sin: b.emit("sin", [angles], {}) };
};

/** [B, T, D] -> [B, T, D] */
const feedForward = (stage: Stage, model: ModelSpec, block: BlockSpec, x: Node): Node => {
  const { b } = stage;
  const spec = block.ffn;
  const i = block.layer - 1;
  const F = dim("ffn", number(spec, "intermediate"));
  const D = dim("hidden", model.hidden_size);
  const bias = flag(spec, "bias");
  const project = (part: string, y: Node, out: Dim): Node =>
    linear(
      stage,
      model,
      y,
      out,
      `blocks.${i}.ffn.${part}`,
      `model.layers.${i}.mlp.${part}_proj`,
      bias,
    );
  const gelu = (y: Node): Node =>
    b.emit("gelu", [y], { approximate: text(spec, "approximate") === "tanh" ? "tanh" : "none" });
  const inner = (): Node => {
    switch (spec.is) {
      case "swiglu":
        return b.emit(
          "mul",
          [b.emit("silu", [project("gate", x, F)], {}), project("up", x, F)],
          {},
        );
      case "geglu":
        return b.emit("mul", [gelu(project("gate", x, F)), project("up", x, F)], {});
      case "gelu":
        return gelu(project("up", x, F));
      case "relu2":
        return b.emit("square", [b.emit("relu", [project("up", x, F)], {})], {});
      default:
        throw new InternalError(`no feed-forward layer ${spec.is}`);
    }
  };
  return project("down", inner(), D);
};

/** [B, T, D] -> [B, T, V] */
const head = (stage: Stage, model: ModelSpec, x: Node): Node => {
  const V = dim("vocab", model.vocab_size);
  if (!flag(model.head, "tied")) return linear(stage, model, x, V, "head", "lm_head", false);
  // The embedding is [V, D]: one product with it read transposed, over all rows at once.
  const { b, params } = stage;
  const D = x.type.shape.at(-1)!;
  const rows = b.emit("reshape", [x], { shape: [dim("", count(x.type) / D.size), D] });
  const logits = b.emit("matMul", [rows, params.node("embedding.weight")], {
    transposeX: false,
    transposeY: true,
  });
  return b.emit("reshape", [logits], { shape: [...x.type.shape.slice(0, -1), V] });
};
