// Chain-of-Experts, arXiv 2506.18945: a token visits experts in several rounds, and each round sees what the one before made
// of it. README.md says what of the paper is here and where the authors' code differs from it.
import { InternalError } from "../../diagnostics/types.ts";
import { number, variant } from "../../model/config.ts";
import type { Cell, Layer } from "../../model/sites.ts";
import type { Variant } from "../../semantics/spec.ts";
import type { Feature } from "../feature.ts";
import { chainOf, replacesStream, residualOf, type Iteration } from "../experts/chain.ts";
import { mixtureOf, routerOf } from "../experts/config.ts";
import { loadWatch } from "../experts/watch.ts";
import { coeCheckpoints } from "./huggingface.ts";
import { vocabulary } from "./vocabulary.ts";

/** Whose routers the iterations use: eq. 7 (each its own), the authors' `use_igate: false` (one), eq. 8 (one choice). */
const iterationsOf = ({ path, disk }: Cell, spec: Variant): readonly Iteration[] => {
  const { is } = variant(spec, "router");
  return Array.from({ length: number(spec, "iterations") }, (_, t) => {
    const own = is === "per_iteration" ? `.${t}` : "";
    if (!["per_iteration", "one", "first"].includes(is)) throw new InternalError(`no router ${is}`);
    return {
      router: { path: `${path}.ffn.router${own}`, disk: `${disk}.mlp.gate${own}` },
      site: `${path}.ffn.${t}`,
      reuse: is === "first" && t > 0,
    };
  });
};

const chain: Layer = (cell, spec, x) =>
  chainOf(
    cell,
    mixtureOf(spec),
    routerOf(variant(variant(spec, "router"), "router")),
    residualOf(spec),
    iterationsOf(cell, spec),
    x,
  );

export const coe: Feature = {
  name: "coe",
  paper: {
    title: "Chain-of-Experts: Unlocking the Communication Power of Mixture-of-Experts Models",
    arxiv: "2506.18945",
  },
  vocabulary,
  families: [coeCheckpoints],
  watches: [loadWatch("coe")],
  kinds: { ffn: { coe: { build: chain, replacesStream } } },
};
