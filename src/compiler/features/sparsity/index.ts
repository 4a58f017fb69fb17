// Sparse weights whose places are drawn once, arXiv 1911.11134 (its static baseline). README.md says how much each layer gets.
import type { Feature } from "../feature.ts";
import { fixedDensities } from "./fixed.ts";
import { vocabulary } from "./vocabulary.ts";

export const sparsity: Feature = {
  name: "sparsity",
  paper: {
    title: "Rigging the Lottery: Making All Tickets Winners",
    arxiv: "1911.11134",
  },
  vocabulary,
  sparsity: { fixed: { densities: fixedDensities } },
};
