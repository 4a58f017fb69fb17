// A whole decoder, top to bottom: embedding, blocks of attention and feed-forward layer, final norm, head.
// Legend: B batch, T positions, D hidden size, V vocabulary.
import { count } from "../ir/shape.ts";
import type { Node } from "../ir/types.ts";
import type { ModelSpec } from "../semantics/spec.ts";
import { flag, optionalNumber, variant } from "./config.ts";
import { initOf, linear } from "./layers.ts";
import { normalise } from "./norms.ts";
import { add, dim, gather, matMul, minimum, reshape, scalar } from "./ops.ts";
import { kindOf, type BlockParts, type Layer, type Site, type SubLayer } from "./sites.ts";
import { cellOf, type Cell, type Stage } from "./stage.ts";

export interface Forward {
  /** [B, T, V] */
  readonly logits: Node;
  /** Embeddings, then the output of each block: L + 1 nodes [B, T, D]. */
  readonly hidden: readonly Node[];
}
/** ids i32 [B, T] -> logits and block states. `pick` chooses positions [B, T', D] of the last state before norm and head. */
export const decoder = (
  stage: Stage,
  model: ModelSpec,
  ids: Node,
  pick: (x: Node) => Node = (x) => x,
): Forward => {
  const { b } = stage;
  const at = (path: string, make: () => Node): Node => b.at(path, stage.spanOf(path), make);
  let x = at("embedding", () => embed(stage, model, ids)); // [B, T, D]
  const hidden = [x];
  model.blocks.forEach((block, i) => {
    x = at(`blocks.${i}`, () => blockOf(cellOf(stage, model, block, i), x));
    hidden.push(x);
  });
  x = pick(x); // [B, T', D]
  const { final_norm: norm } = model;
  if (norm !== null)
    x = at("final_norm", () =>
      normalise(stage, norm, x, { path: "final_norm", disk: "model.norm" }),
    );
  return { logits: at("head", () => head(stage, model, x)), hidden };
};

/** [B, T] -> [B, T, D] */
const embed = ({ b, params, cache }: Stage, model: ModelSpec, ids: Node): Node => {
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
  if (cache === undefined)
    return add(b, x, b.emit("slice", [positions], { begin: [0, 0], size: [T, D.size] }));
  // Padding behind a row's last token may stand past the end of the table.
  const last = scalar(b, model.context - 1, "i32");
  return add(b, x, gather(b, positions, minimum(b, cache.positions, last)));
};

/** [B, T, D] -> [B, T, D] */
const blockOf = (cell: Cell, x: Node): Node => {
  const { b, block, path, disk, spanOf, kinds } = cell;
  const site: BlockParts["site"] = (name, sub, y) => wrap(cell, name, sub, y);
  const layer = (sub: SubLayer): Layer => kindOf(kinds[sub], block[sub]);
  return kindOf(kinds.placement, block.norm)(
    {
      cell,
      site,
      norm: (sub, name, diskName, y) => {
        const at = { path: `${path}.${name}`, disk: `${disk}.${diskName}` };
        const make = (): Node => normalise(cell, variant(block.norm, "norm"), y, at);
        return site("norm.out", sub, b.at(name, spanOf(`${path}.norm`), make));
      },
      branch: (sub, y) => {
        const make = (): Node => layer(sub)(cell, block[sub], y);
        return site("branch.out", sub, b.at(sub, spanOf(`${path}.${sub}`), make));
      },
    },
    x,
  );
};

/** Lets every method that the block uses act at a site, in the order of the list. */
const wrap = (cell: Cell, site: Site, subLayer: SubLayer, x: Node): Node =>
  cell.methods.reduce((before, method) => {
    const config = method.configOf?.(cell.block);
    const apply = method.sites?.[site];
    if (config === undefined || apply === undefined) return before;
    const key = Object.keys(cell.block).find((k) => cell.block[k] === config) ?? "";
    const make = (): Node => apply(before, config, { ...cell, subLayer });
    return cell.b.at(method.name, cell.spanOf(`${cell.path}.${key}`), make);
  }, x);

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
