// A whole decoder, top to bottom: embedding, blocks of attention and feed-forward layer, final norm, head.
// Legend: B batch, T positions, D hidden size, V vocabulary.
import { count } from "../ir/shape.ts";
import type { Node } from "../ir/types.ts";
import type { ModelSpec } from "../semantics/spec.ts";
import { flag, optionalNumber, optionalVariant, variant } from "./config.ts";
import { initOf, linear } from "./layers.ts";
import { normalise } from "./norms.ts";
import { add, dim, div, gather, matMul, minimum, mul, reshape, scalar, tanh } from "./ops.ts";
import { blockOf } from "./placement.ts";
import type { Answer, Body } from "./sites.ts";
import { cellOf, type Stage } from "./stage.ts";

/** Logits are [B, T, V]. */
export interface Forward extends Answer {
  /** By name: embeddings "hidden.0", the output of each block "hidden.1" …; in a branch "heads.1.hidden.4": [B, T, D]. */
  readonly hidden: readonly { readonly name: string; readonly node: Node }[];
}

/** Stem, blocks, norm and head in a row. */
const sequence: Body = (parts) => {
  const x = parts.blocks(parts.stem(""), 0, parts.depth, "");
  const logits = parts.head(parts.finalNorm(x, ""), "");
  return { logits, trained: [logits], loss: "mean" };
};
const bodyOf = ({ methods }: Stage, model: ModelSpec): Body =>
  methods.map((method) => method.bodyOf?.(model)).find((body) => body !== undefined) ?? sequence;

/** ids i32 [B, T] -> logits and block states. `pick` chooses positions [B, T', D] of the last state before norm and head. */
export const decoder = (
  stage: Stage,
  model: ModelSpec,
  ids: Node,
  pick: (x: Node) => Node = (x) => x,
): Forward => {
  const { b } = stage;
  const { blocks, final_norm: norm } = model;
  const hidden: { readonly name: string; readonly node: Node }[] = [];
  const stems = new Set<string>();
  const at = (branch: string, place: string, make: () => Node): Node =>
    b.at(`${branch}${place}`, stage.spanOf(place), make);
  const seen = (branch: string, after: number, node: Node): Node => {
    hidden.push({ name: `${branch}hidden.${after}`, node });
    return node;
  };
  const answer = bodyOf(
    stage,
    model,
  )({
    b,
    depth: blocks.length,
    stem: (branch) => {
      stems.add(branch);
      return seen(
        branch,
        0,
        at(branch, "embedding", () => embed(stage, model, ids, branch)),
      ); // [B, T, D]
    },
    blocks: (begin, from, to, branch) => {
      const last = blocks.slice(from, to).reduce((x, block, i) => {
        const cell = cellOf(stage, model, block, from + i, branch);
        return seen(
          branch,
          from + i + 1,
          at(branch, cell.place, () => blockOf(cell, x)),
        );
      }, begin);
      return from < to && to === blocks.length ? pick(last) : last; // [B, T', D]
    },
    finalNorm: (x, branch) => {
      if (norm === null) return x;
      const name = { path: `${branch}final_norm`, disk: `${branch}model.norm` };
      return at(branch, "final_norm", () => normalise(stage, norm, x, name));
    },
    head: (x, branch) => {
      const table = `${stems.has(branch) ? branch : ""}embedding.weight`;
      return at(branch, "head", () => head(stage, model, x, branch, table));
    },
  });
  for (const { finish } of stage.methods) finish?.(stage, model);
  return { ...answer, hidden };
};

/** [B, T] -> [B, T, D] */
const embed = (stage: Stage, model: ModelSpec, ids: Node, branch: string): Node => {
  const { b, params } = stage;
  const D = dim("hidden", model.hidden_size);
  const padding = optionalNumber(model.embedding, "padding");
  const init = initOf(variant(model.embedding, "init"), D.size, model.vocab_size);
  const table = params.get({
    name: `${branch}embedding.weight`,
    diskName: `${branch}model.embed_tokens.weight`,
    shape: [dim("vocab", model.vocab_size), D],
    init: padding === null || init.kind === "constant" ? init : { ...init, zeroRow: padding },
    role: "embedding",
    frozenRow: padding,
  });
  const scale = optionalNumber(model.embedding, "scale");
  const rows = gather(b, table, ids);
  const x = placed(stage, model, scale === null ? rows : mul(b, rows, scale), branch);
  const norm = optionalVariant(model.embedding, "norm");
  if (norm === null) return x;
  const name = { path: `${branch}embedding_norm`, disk: `${branch}model.embed_layernorm` };
  return normalise(stage, norm, x, name);
};

/** With the vectors of learned positions, where the model has them. [B, T, D] -> [B, T, D] */
const placed = ({ b, params, cache }: Stage, model: ModelSpec, x: Node, branch: string): Node => {
  const D = x.type.shape.at(-1)!;
  const learned = model.blocks
    .map((block) => variant(block.attention, "position"))
    .find((position) => position.is === "learned");
  if (learned === undefined) return x;
  const positions = params.get({
    name: `${branch}position.weight`,
    diskName: `${branch}model.embed_positions.weight`,
    shape: [dim("context", model.context), D],
    init: initOf(variant(learned, "init"), D.size, model.context),
    role: "embedding",
  });
  const T = x.type.shape[1]!.size;
  if (cache === undefined)
    return add(b, x, b.emit("slice", [positions], { begin: [0, 0], size: [T, D.size] }));
  // Padding behind a row's last token may stand past the end of the table.
  const last = scalar(b, model.context - 1, "i32");
  return add(b, x, gather(b, positions, minimum(b, cache.positions, last)));
};

/** [B, T, D] -> [B, T, V]; `table` serves a tied head. */
const head = (stage: Stage, model: ModelSpec, x: Node, branch: string, table: string): Node => {
  const { b } = stage;
  const logits = project(stage, model, x, branch, table);
  const cap = optionalNumber(model.head, "softcap");
  return cap === null ? logits : mul(b, tanh(b, div(b, logits, cap)), cap);
};

const project = (
  { b, params }: Stage,
  model: ModelSpec,
  x: Node,
  branch: string,
  table: string,
): Node => {
  const V = dim("vocab", model.vocab_size);
  const name = { path: `${branch}head`, disk: `${branch}lm_head` };
  if (!flag(model.head, "tied"))
    return linear(b, params, x, { ...name, out: V, bias: false, init: model.init });
  // The embedding is [V, D]: one product with it read transposed, over all rows at once.
  const D = x.type.shape.at(-1)!;
  const rows = reshape(b, x, [dim("", count(x.type) / D.size), D]); // [B·T, D]
  const logits = matMul(b, rows, params.node(table), true); // [B·T, V]
  return reshape(b, logits, [...x.type.shape.slice(0, -1), V]);
};
