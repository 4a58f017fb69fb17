// LayerScale, arXiv 2103.17239: each channel of what a sub-layer gives has a learned factor that starts small.
import { number } from "../../model/config.ts";
import { mul } from "../../model/ops.ts";
import type { Residual } from "../../model/sites.ts";
import { ctor, key, positive } from "../../semantics/vocabulary/kit.ts";
import type { Feature } from "../feature.ts";

const byChannel: Residual = ({ b, params }, spec, branch, name) => {
  const gamma = params.get({
    name: `${name.path}.gamma`,
    diskName: `${name.disk}.gamma`,
    shape: [branch.type.shape.at(-1)!],
    init: { kind: "constant", value: number(spec, "init") },
    role: "scale",
  });
  return mul(b, branch, gamma);
};

export const layerscale: Feature = {
  name: "layerscale",
  paper: { title: "Going deeper with Image Transformers", arxiv: "2103.17239" },
  kinds: { residual: { layerscale: byChannel } },
  vocabulary: {
    constructors: [
      {
        ...ctor(
          "Residual",
          "layerscale",
          "h + gamma ⊙ F(h): a learned factor for each channel",
          [
            key(
              "init",
              positive,
              "where the factors start: 0.1 to 18 layers, 1e-5 to 24, then 1e-6",
              {
                default: "1e-5",
                source: "arXiv 2103.17239, section 2",
              },
            ),
          ],
          "arXiv 2103.17239",
        ),
        neutral: [{ with: "layerscale(init: 1)", is: "plain()" }],
      },
    ],
    otherNames: { layerscale: ["layer_scale"] },
  },
};
