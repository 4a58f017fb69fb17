// Norms on both sides of each sub-layer, inside the branch: Sandwich-LN, arXiv 2105.13290, and Peri-LN, arXiv 2502.02732, whose
// blocks are the same. README.md states the equations and the names on disk.
import { bothSides } from "../../model/placement.ts";
import { ctor, key, sum } from "../../semantics/vocabulary/kit.ts";
import type { Feature } from "../feature.ts";

const norm = key("norm", sum("Norm"), "the norms before and after each sub-layer", {
  default: "rmsnorm()",
});

export const sandwich: Feature = {
  name: "sandwich",
  paper: {
    title: "CogView: Mastering Text-to-Image Generation via Transformers",
    arxiv: "2105.13290",
  },
  kinds: { placement: { sandwich: bothSides, peri: bothSides } },
  vocabulary: {
    constructors: [
      ctor(
        "NormPlacement",
        "sandwich",
        "h + N₂(F(N₁(h))): what a sub-layer reads is normalised, and what it gives",
        [norm],
        "arXiv 2105.13290",
      ),
      {
        ...ctor(
          "NormPlacement",
          "peri",
          "Peri-LN: the blocks of sandwich; its norm of the embeddings is token(norm: rmsnorm())",
          [norm],
          "arXiv 2502.02732",
        ),
        neutral: [{ with: "peri()", is: "sandwich()" }],
      },
    ],
    otherNames: { sandwich: ["sandwich_ln", "sandwich_norm"], peri: ["peri_ln", "peri_norm"] },
  },
};
