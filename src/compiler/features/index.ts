// The only list of features. Order at a site is the order here.
import type { Feature } from "./feature.ts";
import { coe } from "./coe/index.ts";
import { deepnorm } from "./deepnorm/index.ts";
import { dyt } from "./dyt/index.ts";
import { gpas } from "./gpas/index.ts";
import { layerscale } from "./layerscale/index.ts";
import { lns } from "./lns/index.ts";
import { mixLn } from "./mix-ln/index.ts";
import { mla } from "./mla/index.ts";
import { moe } from "./moe/index.ts";
import { neurotrails } from "./neurotrails/index.ts";
import { parallel } from "./parallel/index.ts";
import { sandwich } from "./sandwich/index.ts";
import { sparsity } from "./sparsity/index.ts";

export const features: readonly Feature[] = [
  gpas,
  deepnorm,
  mixLn,
  lns,
  sandwich,
  parallel,
  dyt,
  layerscale,
  moe,
  coe,
  mla,
  neurotrails,
  sparsity,
];
export type { Feature };
