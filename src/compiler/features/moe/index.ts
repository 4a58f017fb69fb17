// Mixtures of experts: each token visits a few of many feed-forward layers. Vocabulary in vocabulary.ts, the meaning in
// README.md.
import { variant } from "../../model/config.ts";
import type { Layer } from "../../model/sites.ts";
import type { Feature } from "../feature.ts";
import { balanceOfModel } from "../experts/balance.ts";
import { chainOf, replacesStream, residualOf } from "../experts/chain.ts";
import { mixtureOf, routerOf } from "../experts/config.ts";
import { loadWatch } from "../experts/watch.ts";
import { vocabulary } from "./vocabulary.ts";

const mixture: Layer = (cell, spec, x) => {
  const router = { path: `${cell.path}.ffn.router`, disk: `${cell.disk}.mlp.gate` };
  return chainOf(
    cell,
    mixtureOf(spec),
    routerOf(variant(spec, "router")),
    residualOf(spec),
    [{ router, site: `${cell.path}.ffn`, reuse: false }],
    x,
  );
};

export const moe: Feature = {
  name: "moe",
  paper: {
    title: "Outrageously Large Neural Networks: The Sparsely-Gated Mixture-of-Experts Layer",
    arxiv: "1701.06538",
  },
  vocabulary,
  kinds: { ffn: { moe: { build: mixture, replacesStream } } },
  finish: balanceOfModel,
  watches: [loadWatch("moe")],
};
