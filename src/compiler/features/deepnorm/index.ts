// DeepNorm, arXiv 2203.00555: Post-LN with a stronger shortcut, h' = N(α·h + F(h)), and sub-layers that start small. README.md
// states the equations and what the authors of GPAS do with it.
import { optionalNumber, number } from "../../model/config.ts";
import { placements } from "../../model/placement.ts";
import type { Placement, SubLayer } from "../../model/sites.ts";
import type { BlockSpec, Variant } from "../../semantics/spec.ts";
import { ctor, key, positive, sum } from "../../semantics/vocabulary/kit.ts";
import type { Feature } from "../feature.ts";

const source = "arXiv 2203.00555, table 2";
const deep: Placement = {
  norms: placements["post"]!.norms,
  shortcut: (spec) => number(spec, "alpha"),
};

/** What makes values and feed-forward states starts with gain β, queries and keys, which only compare, with 1. */
const VALUES: Readonly<Record<SubLayer, readonly string[]>> = {
  attention: ["v", "o", "kv_b"],
  ffn: ["gate", "up", "down"],
};
const startOf = ({ norm }: BlockSpec, sub: SubLayer, part: string): Variant | undefined => {
  const beta = norm.is === "deepnorm" ? optionalNumber(norm, "beta") : null;
  return beta === null
    ? undefined
    : { is: "xavier_normal", gain: VALUES[sub].includes(part) ? beta : 1 };
};

export const deepnorm: Feature = {
  name: "deepnorm",
  paper: { title: "DeepNet: Scaling Transformers to 1,000 Layers", arxiv: "2203.00555" },
  kinds: { placement: { deepnorm: deep } },
  startOf,
  vocabulary: {
    constructors: [
      {
        ...ctor(
          "NormPlacement",
          "deepnorm",
          "N(α·h + F(h)): Post-LN with a stronger shortcut and a smaller start",
          [
            key("norm", sum("Norm"), "the norm after each addition", { default: "rmsnorm()" }),
            key("alpha", positive, "multiplies the shortcut: (2L)^¼ for a decoder of L layers", {
              default: "sqrt(sqrt(2 * L))",
              source,
            }),
            key(
              "beta",
              positive,
              "Xavier gain of v, o, gate, up and down, (8L)^-¼ for a decoder; q and k have 1; none keeps the model's init",
              { default: "1 / sqrt(sqrt(8 * L))", optional: true, source },
            ),
          ],
          "arXiv 2203.00555",
        ),
        neutral: [{ with: "deepnorm(alpha: 1, beta: none)", is: "post()" }],
      },
    ],
    otherNames: { deepnorm: ["deeppost", "deep_norm"] },
  },
};
