// Words of the dense feed-forward layers.
import type { Constructor } from "../schema.ts";
import { biasKey, counting, ctor, key } from "./kit.ts";

const intermediate = key("intermediate", counting, "width between the two linear maps", {
  example: "64",
});
const approximate = key(
  "approximate",
  {
    kind: "word",
    words: [
      { name: "none", doc: "x · Φ(x) by the error function" },
      { name: "tanh", doc: "the tanh formula, as in GPT-2" },
    ],
  },
  "how GELU is computed",
  { default: "none", source: "PyTorch nn.GELU" },
);

export const feedForwardConstructors: readonly Constructor[] = [
  ctor("Ffn", "swiglu", "down(silu(gate x) ⊙ up x)", [intermediate, biasKey()], "arXiv 2002.05202"),
  ctor(
    "Ffn",
    "geglu",
    "down(gelu(gate x) ⊙ up x)",
    [intermediate, biasKey(), approximate],
    "arXiv 2002.05202",
  ),
  ctor(
    "Ffn",
    "gelu",
    "down(gelu(up x))",
    [intermediate, biasKey(), approximate],
    "arXiv 1606.08415",
  ),
  ctor("Ffn", "relu2", "down(relu(up x)²)", [intermediate, biasKey()], "arXiv 2109.08668"),
];
