// Where a block normalises: how stream, norms and the two sub-layers are put together. F is attention or feed-forward layer,
// N a norm, h the stream.
import type { Node } from "../ir/types.ts";
import { add } from "./ops.ts";
import type { BlockParts, Placement, SubLayer } from "./sites.ts";

/** Both sub-layers alike, attention first. */
const sequential =
  (residual: (parts: BlockParts, sub: SubLayer, h: Node) => Node): Placement =>
  (parts, x) =>
    residual(parts, "ffn", residual(parts, "attention", x));

/** h + branch, with what methods do to the shortcut and to the sum. */
const plus = ({ cell, site }: BlockParts, sub: SubLayer, h: Node, branch: Node): Node =>
  site("residual.out", sub, add(cell.b, site("residual.skip", sub, h), branch));

export const placements: Readonly<Record<string, Placement>> = {
  /** h + F(N(h)), arXiv 2002.04745. The norm before the FFN is called `post_attention_layernorm` on disk. */
  pre: sequential((parts, sub, x) => {
    const h = parts.site("residual.in", sub, x);
    const disk = sub === "attention" ? "input_layernorm" : "post_attention_layernorm";
    return plus(parts, sub, h, parts.branch(sub, parts.norm(sub, `${sub}_norm`, disk, h)));
  }),
  /** N(h + F(h)), arXiv 1706.03762. */
  post: sequential((parts, sub, x) => {
    const h = parts.site("residual.in", sub, x);
    const disk = sub === "attention" ? "post_attention_layernorm" : "post_feedforward_layernorm";
    return parts.norm(sub, `${sub}_norm`, disk, plus(parts, sub, h, parts.branch(sub, h)));
  }),
};
