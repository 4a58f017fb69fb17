// Parallel sub-layers, arXiv 2204.02311: attention and feed-forward layer read one norm and meet in one addition.
import type { Placement } from "../../model/sites.ts";
import { ctor, key, sum } from "../../semantics/vocabulary/kit.ts";
import type { Feature } from "../feature.ts";

const together: Placement = {
  parallel: true,
  norms: { attention: { before: { path: "norm", disk: "input_layernorm" } }, ffn: {} },
};

export const parallel: Feature = {
  name: "parallel",
  paper: { title: "PaLM: Scaling Language Modeling with Pathways", arxiv: "2204.02311" },
  kinds: { placement: { parallel: together } },
  vocabulary: {
    constructors: [
      ctor(
        "NormPlacement",
        "parallel",
        "h + A(N(h)) + F(N(h)): both sub-layers from one norm",
        [key("norm", sum("Norm"), "the norm before both sub-layers", { default: "rmsnorm()" })],
        "arXiv 2204.02311, section 2",
      ),
    ],
  },
};
