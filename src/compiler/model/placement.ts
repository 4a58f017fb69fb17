// How a block puts stream, norms and its two sub-layers together: one formula, and a placement says which of its norms it has.
// Legend: h stream [B, T, D], F attention or feed-forward layer.
import type { Node } from "../ir/types.ts";
import { variant } from "./config.ts";
import type { LayerName } from "./parameters.ts";
import { normalise } from "./norms.ts";
import { add, mul } from "./ops.ts";
import {
  kindOf,
  type LayerKind,
  type Placement,
  type Site,
  type SiteContext,
  type SubLayer,
} from "./sites.ts";
import type { Cell } from "./sites.ts";

const norm = (path: string, disk: string): LayerName => ({ path, disk: `${disk}_layernorm` });

export const placements: Readonly<Record<string, Placement>> = {
  /** h + F(N(h)), arXiv 2002.04745. The norm before the feed-forward layer is called `post_attention` on disk. */
  pre: {
    norms: {
      attention: { before: norm("attention_norm", "input") },
      ffn: { before: norm("ffn_norm", "post_attention") },
    },
  },
  /** N(h + F(h)), arXiv 1706.03762. */
  post: {
    norms: {
      attention: { after: norm("attention_norm", "post_attention") },
      ffn: { after: norm("ffn_norm", "post_feedforward") },
    },
  },
};

/** h + N₂(F(N₁(h))): a norm on both sides of each sub-layer. */
export const bothSides: Placement = {
  norms: {
    attention: {
      before: norm("attention_norm", "input"),
      inside: norm("attention_out_norm", "post_attention"),
    },
    ffn: {
      before: norm("ffn_norm", "pre_feedforward"),
      inside: norm("ffn_out_norm", "post_feedforward"),
    },
  },
};

/** [B, T, D] -> [B, T, D] */
export const blockOf = (cell: Cell, x: Node): Node => {
  const { b, block, place, path, spanOf, kinds } = cell;
  const placement = kindOf(kinds.placement, block.norm);
  const { norms, shortcut, factor, gain } = placement;
  type At = SiteContext["subLayer"];
  const site = (name: Site, subLayer: At, y: Node): Node =>
    wrap({ ...cell, subLayer, placement }, name, y);

  const scaledBy = (s: number | undefined, y: Node): Node =>
    s === undefined || s === 1 ? y : mul(b, y, s);
  const normed = (name: LayerName | undefined, sub: At, y: Node): Node => {
    if (name === undefined) return y;
    const at = { path: `${path}.${name.path}`, disk: `${cell.disk}.${name.disk}` };
    const start = gain?.(block.norm, block) ?? 1;
    const make = (): Node =>
      scaledBy(
        factor?.(block.norm, block),
        normalise(cell, variant(block.norm, "norm"), y, at, start),
      );
    return site("norm.out", sub, b.at(name.path, spanOf(`${place}.norm`), make));
  };
  const kind = (sub: SubLayer): LayerKind => kindOf(kinds[sub], block[sub]);
  const branch = (sub: SubLayer, y: Node): Node => {
    const make = (): Node => kind(sub).build(cell, block[sub], y);
    const made = site("branch.out", sub, b.at(sub, spanOf(`${place}.${sub}`), make));
    const inside = normed(norms[sub].inside, sub, made);
    const name = { path: `${path}.${sub}_scale`, disk: `${cell.disk}.${sub}_scale` };
    const join = (): Node =>
      kindOf(kinds.residual, block.residual)(cell, block.residual, inside, name);
    return b.at("residual", spanOf(`${place}.residual`), join);
  };
  /** What the sub-layers make of `inner`, and the stream h, unless one of them stands in its place. */
  const sum = (sub: At, h: Node, inner: Node, ...subs: readonly SubLayer[]): Node => {
    const replaced = subs.some((s) => kind(s).replacesStream?.(block[s]) === true);
    const branches = subs.map((s) => branch(s, inner));
    const kept = replaced
      ? []
      : [scaledBy(shortcut?.(block.norm, block), site("residual.skip", sub, h))];
    return site(
      "residual.out",
      sub,
      [...kept, ...branches].reduce((all, y) => add(b, all, y)),
    );
  };
  if (placement.parallel === true) {
    const h = site("residual.in", "block", x);
    return sum("block", h, normed(norms.attention.before, "block", h), "attention", "ffn");
  }
  const half = (sub: SubLayer, y: Node): Node => {
    const h = site("residual.in", sub, y);
    const made = sum(sub, h, normed(norms[sub].before, sub, h), sub);
    return normed(norms[sub].after, sub, made);
  };
  return half("ffn", half("attention", x));
};

/** Lets every method that the block uses act at a site, in the order of the list. */
const wrap = (context: SiteContext, site: Site, x: Node): Node =>
  context.methods.reduce((before, method) => {
    const config = method.configOf?.(context.block);
    const apply = method.sites?.[site];
    if (config === undefined || apply === undefined) return before;
    const key = Object.keys(context.block).find((k) => context.block[k] === config) ?? "";
    const make = (): Node => apply(before, config, context);
    return context.b.at(method.name, context.spanOf(`${context.place}.${key}`), make);
  }, x);
