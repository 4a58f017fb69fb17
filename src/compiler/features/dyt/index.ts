// Dynamic Tanh, arXiv 2503.10622: in place of a norm an elementwise squashing, weight ⊙ tanh(α·x) + bias, whose α is learned.
import { number } from "../../model/config.ts";
import { vector } from "../../model/layers.ts";
import { add, dim, mul, tanh } from "../../model/ops.ts";
import type { NormKind } from "../../model/sites.ts";
import { ctor, key, positive } from "../../semantics/vocabulary/kit.ts";
import type { Feature } from "../feature.ts";

const dynamicTanh: NormKind = ({ b, params }, spec, x, name, gain) => {
  const D = x.type.shape.at(-1)!;
  const alpha = params.get({
    name: `${name.path}.alpha`,
    diskName: `${name.disk}.alpha`,
    shape: [dim("", 1)],
    init: { kind: "constant", value: number(spec, "alpha") },
    role: "norm",
  });
  const weight = vector(params, name, "weight", D, gain);
  return add(b, mul(b, tanh(b, mul(b, x, alpha)), weight), vector(params, name, "bias", D, 0));
};

export const dyt: Feature = {
  name: "dyt",
  paper: { title: "Transformers without Normalization", arxiv: "2503.10622" },
  kinds: { norm: { dyt: dynamicTanh } },
  vocabulary: {
    constructors: [
      ctor(
        "Norm",
        "dyt",
        "weight ⊙ tanh(alpha · x) + bias: a squashing in place of a norm",
        [
          key("alpha", positive, "where the learned slope starts; the wider a model, the less", {
            default: "0.5",
            source: "arXiv 2503.10622, section 4",
          }),
        ],
        "arXiv 2503.10622",
      ),
    ],
  },
};
