// Words of normalisation and of the shortcut: where a block normalises, what a norm is, how a branch joins the stream.
import type { Constructor } from "../schema.ts";
import { ctor, key, llama, positive, sum, yesNo } from "./kit.ts";

export const normConstructors: readonly Constructor[] = [
  ctor(
    "NormPlacement",
    "pre",
    "h + F(N(h)): the stream itself is never normalised",
    [key("norm", sum("Norm"), "the norm before each sub-layer", { default: "rmsnorm()" })],
    "arXiv 2002.04745",
  ),
  ctor(
    "NormPlacement",
    "post",
    "N(h + F(h)): as in the first Transformer",
    [key("norm", sum("Norm"), "the norm after each addition", { default: "rmsnorm()" })],
    "arXiv 1706.03762",
  ),
  ctor(
    "Norm",
    "rmsnorm",
    "x / sqrt(mean(x²) + eps) · weight",
    [
      key("eps", positive, "added to the mean square", {
        default: "1e-6",
        source: `${llama}: rms_norm_eps`,
      }),
      key("unit_offset", yesNo, "the gain is 1 + weight, and the weight starts at 0", {
        default: "false",
        source: "Hugging Face GemmaRMSNorm",
      }),
    ],
    "arXiv 1910.07467",
  ),
  ctor(
    "Norm",
    "layernorm",
    "(x − mean) / sqrt(variance + eps) · weight + bias",
    [
      key("eps", positive, "added to the variance", {
        default: "1e-5",
        source: "PyTorch nn.LayerNorm",
      }),
      key("bias", yesNo, "whether a bias is added", {
        default: "true",
        source: "PyTorch nn.LayerNorm",
      }),
    ],
    "arXiv 1607.06450",
  ),
  ctor("Norm", "none", "x as it is"),
  ctor("Residual", "plain", "h + F(h): all of it"),
  {
    ...ctor(
      "Residual",
      "scaled",
      "h + factor · F(h)",
      [key("factor", positive, "a constant", { example: "1 / sqrt(2 * L)" })],
      "Hugging Face GraniteConfig: residual_multiplier",
    ),
    neutral: [{ with: "scaled(factor: 1)", is: "plain()" }],
  },
];
