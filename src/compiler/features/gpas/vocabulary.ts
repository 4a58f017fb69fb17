// The words of GPAS: the constructor `gpas(...)`, two keys of recipes, and its complaints.
import type { Feature } from "../feature.ts";

const source = "arXiv 2506.22049";
const activations = [
  ["silu", "g · sigmoid(g): the published choice"],
  ["identity", "g"],
  ["relu", "max(g, 0)"],
  ["tanh", "tanh(g)"],
  ["leaky_relu", "g, or 0.01 g below zero"],
  ["scale_silu", "g · sigmoid(8 g)"],
] as const;

export const vocabulary: Feature["vocabulary"] = {
  constructors: [
    {
      name: "gpas",
      of: "Scaling",
      doc: "gradient-preserving activation scaling: y = h - f(gate) · stop(h), after each residual addition",
      source,
      keys: [
        {
          name: "gate",
          type: { kind: "word", words: activations.map(([name, doc]) => ({ name, doc })) },
          doc: "the function f of the learned gate",
          default: "silu",
          source: `${source}, eq. 1`,
        },
        {
          name: "init",
          type: { kind: "float" },
          doc: "the gate's initial value; 0 leaves the model unchanged",
          default: "0",
          source,
        },
        {
          name: "share",
          type: {
            kind: "word",
            words: [
              { name: "block", doc: "one gate a block, used after both sub-layers, as in the authors' code" },
              { name: "sublayer", doc: "one gate after each sub-layer, as the paper draws it" },
            ],
          },
          doc: "what shares a gate",
          default: "block",
          source,
        },
        { name: "trainable", type: { kind: "bool" }, doc: "whether gates are updated", default: "true", source },
        {
          name: "stop_gradient",
          type: { kind: "bool" },
          doc: "false is the paper's ablation: the gradient is scaled like the activation",
          default: "true",
          source: `${source}, table 5`,
        },
      ],
    },
  ],
  keys: {
    recipe: [
      {
        name: "gate_clip",
        type: { kind: "float", above: 0 },
        optional: true,
        default: "none",
        doc: "largest joint norm of the gates' gradients, applied after `clip`; the authors use 0.01 at 7B",
        source,
      },
      {
        name: "gate_lr",
        type: { kind: "float", above: 0 },
        default: "1",
        doc: "multiplies the learning rate of gates",
        source,
      },
    ],
  },
  diagnostics: [
    {
      code: "SPC3101",
      name: "gpas-on-post",
      severity: "error",
      message: "gpas has no form for norm = post(...)",
      why: "In a Post-LN block the norm after the addition undoes any scaling of the stream, and neither the paper nor its code defines a GPAS form for plain Post-LN.",
      wrong: "blocks 4 { norm = post(rmsnorm()) scaling = gpas() }",
      right: "blocks 4 { norm = pre(rmsnorm()) scaling = gpas() }",
    },
  ],
  parameters: (block) =>
    block.scaling?.is !== "gpas"
      ? []
      : block.scaling["share"] === "sublayer"
        ? ["gpas_attention.gate", "gpas_ffn.gate"]
        : ["gpas.gate"],
};
