// How what a sub-layer gives joins the stream: h + branch, or with the branch scaled.
import { number } from "./config.ts";
import { mul } from "./ops.ts";
import type { Residual } from "./sites.ts";

export const residuals: Readonly<Record<string, Residual>> = {
  plain: (_stage, _spec, branch) => branch,
  scaled: ({ b }, spec, branch) => mul(b, branch, number(spec, "factor")),
};
