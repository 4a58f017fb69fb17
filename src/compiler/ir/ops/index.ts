// The op table: total over OpSigs, so a signature without a row does not compile.
import type { OpTable } from "../types.ts";
import { attentions } from "./attention.ts";
import { barriers } from "./barrier.ts";
import { cacheOps } from "./cache.ts";
import { composites } from "./composite.ts";
import { convolutions } from "./convolution.ts";
import { elementwise } from "./elementwise.ts";
import { groupedProducts } from "./grouped.ts";
import { imageOps } from "./images.ts";
import { layout } from "./layout.ts";
import { leaves } from "./leaves.ts";
import { losses } from "./loss.ts";
import { order } from "./order.ts";
import { products } from "./product.ts";
import { reduce } from "./reduce.ts";

export const ops: OpTable = {
  ...leaves,
  ...elementwise,
  ...layout,
  ...barriers,
  ...reduce,
  ...products,
  ...order,
  ...groupedProducts,
  ...composites,
  ...convolutions,
  ...imageOps,
  ...cacheOps,
  ...attentions,
  ...losses,
};
