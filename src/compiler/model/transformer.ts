// A whole decoder, top to bottom: embedding, blocks of attention and feed-forward layer, final norm, head.
// Legend: B batch, T positions, D hidden size, V vocabulary.
import { count } from "../ir/shape.ts";
import type { Node } from "../ir/types.ts";
import type { DecoderSpec } from "../semantics/spec.ts";
import { buildBody, type Forward } from "./body.ts";
import { flag, optionalNumber, optionalVariant, variant } from "./config.ts";
import { initOf, linear } from "./layers.ts";
import { normalise } from "./norms.ts";
import { add, dim, div, gather, matMul, minimum, mul, reshape, scalar, tanh } from "./ops.ts";
import { blockOf } from "./placement.ts";
import { cellOf } from "./cell.ts";
import type { Stage } from "./sites.ts";

/**
 * ids i32 [B, T] -> logits [B, T, V] and block states [B, T, D]. `pick` chooses positions [B, T', D] of the last state before
 * norm and head.
 */
export const decoder = (
  stage: Stage,
  model: DecoderSpec,
  ids: Node,
  pick: (x: Node) => Node = (x) => x,
): Forward => {
  const { blocks, final_norm: norm } = model;
  const stems = new Set<string>();
  const forward = buildBody(stage, model, {
    stemPlace: "embedding",
    stem: (branch) => {
      stems.add(branch);
      return embed(stage, model, ids, branch);
    },
    block: (x, i, branch) => blockOf(cellOf(stage, model, blocks[i]!, i, branch), x),
    pick,
    finalNorm:
      norm === null
        ? undefined
        : (x, branch) =>
            normalise(stage, norm, x, {
              path: `${branch}final_norm`,
              disk: `${branch}model.norm`,
            }),
    head: (x, branch) => {
      const table = `${stems.has(branch) ? branch : ""}embedding.weight`;
      return head(stage, model, x, branch, table);
    },
  });
  for (const { finish } of stage.methods) finish?.(stage, model);
  return forward;
};

/** [B, T] -> [B, T, D] */
const embed = (stage: Stage, model: DecoderSpec, ids: Node, branch: string): Node => {
  const { b, params } = stage;
  const D = dim("hidden", model.hidden_size);
  const padding = optionalNumber(model.embedding, "padding");
  const start = initOf(variant(model.embedding, "init"), D.size, model.vocab_size);
  const isDrawn = start.kind === "normal" || start.kind === "uniform";
  const table = params.get({
    name: `${branch}embedding.weight`,
    diskName: `${branch}model.embed_tokens.weight`,
    shape: [dim("vocab", model.vocab_size), D],
    init: padding === null || !isDrawn ? start : { ...start, zeroRow: padding },
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
const placed = ({ b, params, cache }: Stage, model: DecoderSpec, x: Node, branch: string): Node => {
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

/** [B, T, D] -> [B, T, V], capped as cap · tanh(x / cap) (arXiv 2408.00118); `table` serves a tied head. */
const head = (stage: Stage, model: DecoderSpec, x: Node, branch: string, table: string): Node => {
  const { b } = stage;
  const logits = project(stage, model, x, branch, table);
  const cap = optionalNumber(model.head, "softcap");
  return cap === null ? logits : mul(b, tanh(b, div(b, logits, cap)), cap);
};

const project = (
  { b, params }: Stage,
  model: DecoderSpec,
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
