// The words of mixtures: `moe(...)`, and with it those of all layers of experts.
import type { VocabularyPart } from "../../semantics/schema.ts";
import { key, sum } from "../../semantics/vocabulary/kit.ts";
import {
  balanceKeys,
  checkMixture,
  expertKeys,
  expertWords,
  residualKey,
  type ExpertEntry,
} from "../experts/vocabulary.ts";

export const vocabulary: VocabularyPart<ExpertEntry> = {
  ...expertWords,
  constructors: [
    {
      name: "moe",
      of: "Ffn",
      doc: "a mixture of gated experts: each token visits the `top_k` that a router scores highest",
      source: "arXiv 1701.06538",
      neutral: [
        {
          with: "moe(experts: 1, top_k: 1, intermediate: 64)",
          is: "swiglu(intermediate: 64)",
        },
      ],
      keys: [
        ...expertKeys,
        key("router", sum("Router"), "how experts are chosen and weighed", {
          default: "softmax()",
        }),
        residualKey("outer"),
        ...balanceKeys,
      ],
      check: (value) => checkMixture(value, value["router"]),
    },
    ...(expertWords.constructors ?? []),
  ],
};
