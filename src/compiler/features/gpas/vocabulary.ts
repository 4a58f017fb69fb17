// The words of GPAS: the constructor `gpas(...)`, two keys of recipes, and its complaints.
import type { Placement, Site } from "../../model/sites.ts";
import type { Complaint, VocabularyPart } from "../../semantics/schema.ts";
import type { BlockSpec, Variant } from "../../semantics/spec.ts";

const source = "arXiv 2506.22049";
const activations = [
  ["silu", "g · sigmoid(g): the published choice"],
  ["identity", "g"],
  ["relu", "max(g, 0)"],
  ["tanh", "tanh(g)"],
  ["leaky_relu", "g, or 0.01 g below zero"],
  ["scale_silu", "g · sigmoid(8 g)"],
] as const;

/** The words of `site`: the published places, then those of the paper's ablation (table 4). */
const sites: readonly { readonly name: string; readonly site: Site; readonly doc: string }[] = [
  {
    name: "after_addition",
    site: "residual.out",
    doc: "the whole stream after each addition: the default of Pre-LN",
  },
  {
    name: "shortcut",
    site: "residual.skip",
    doc: "the shortcut alone: the default of Post-LN blocks in a mixed model",
  },
  {
    name: "before_sublayer",
    site: "residual.in",
    doc: "the whole stream before each sub-layer (ablation)",
  },
  { name: "after_norm", site: "norm.out", doc: "what the norm gives (ablation)" },
  {
    name: "branch",
    site: "branch.out",
    doc: "what attention and feed-forward layer give, before the addition (ablation)",
  },
];

/**
 * Where a gate acts in a block of this placement: on the stream after the addition, but on the shortcut where a norm after the
 * addition would undo that.
 */
export const siteOf = (config: Variant, { norms }: Placement): Site => {
  const named = sites.find((s) => s.name === config["site"]);
  return named?.site ?? (norms.attention.after === undefined ? "residual.out" : "residual.skip");
};

/** Mixed models have an official form (`post_pre_gpas`), plain Post-LN has none; a written `site` says that it is meant. */
const checkBlock = (
  block: BlockSpec,
  _depth: number,
  blocks: readonly BlockSpec[],
): readonly Complaint[] => {
  const { scaling } = block;
  if (scaling?.is !== "gpas" || typeof scaling["site"] === "string") return [];
  if (!blocks.every(({ norm }) => norm.is === "post")) return [];
  const help = [
    "put the norm inside the branch: norm = pre(rmsnorm())",
    "or say where the gate acts: scaling = gpas(site: shortcut)",
  ];
  return [{ name: "gpas-on-post", args: {}, at: "scaling", details: { help } }];
};

/** f in float64, for what can be said about a gate before anything runs. */
const activate: Readonly<Record<string, (g: number) => number>> = {
  silu: (g) => g / (1 + Math.exp(-g)),
  identity: (g) => g,
  relu: (g) => Math.max(g, 0),
  tanh: Math.tanh,
  leaky_relu: (g) => (g < 0 ? 0.01 * g : g),
  scale_silu: (g) => g / (1 + Math.exp(-8 * g)),
};

const checkStart = (value: Variant): readonly Complaint[] => {
  const { gate, init } = value;
  const f = typeof gate === "string" ? activate[gate] : undefined;
  if (f === undefined || typeof init !== "number" || 1 - f(init) > 0) return [];
  const details = { help: ["start at 0, where the model is the one without gpas"] };
  return [
    {
      name: "gpas-starts-flipped",
      args: { init, factor: (1 - f(init)).toFixed(3) },
      at: "init",
      details,
    },
  ];
};

export const vocabulary: VocabularyPart = {
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
              {
                name: "block",
                doc: "one gate a block, used after both sub-layers, as in the authors' code",
              },
              { name: "sublayer", doc: "one gate after each sub-layer, as the paper draws it" },
            ],
          },
          doc: "what shares a gate",
          default: "block",
          source,
        },
        {
          name: "site",
          type: { kind: "word", words: sites.map(({ name, doc }) => ({ name, doc })) },
          optional: true,
          default: "none",
          doc: "where the gate acts; none: after each addition, or on the shortcut of Post-LN blocks in a mixed model",
          source: `${source}, table 4`,
        },
        {
          name: "trainable",
          type: { kind: "bool" },
          doc: "whether gates are updated",
          default: "true",
          source,
        },
        {
          name: "stop_gradient",
          type: { kind: "bool" },
          doc: "false is the paper's ablation: the gradient is scaled like the activation",
          default: "true",
          source: `${source}, table 5`,
        },
      ],
      check: checkStart,
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
      message: "gpas has no form for a model whose norms are all post(...)",
      why: "In a Post-LN block the norm after the addition undoes any scaling of the stream, and neither the paper nor its code defines a GPAS form for plain Post-LN. Mixed models have one: their Post blocks scale the shortcut.",
      wrong:
        "model M extends Base {\n  blocks {\n    norm    = post(rmsnorm())\n    scaling = gpas()\n  }\n}",
      right:
        "model M extends Base {\n  blocks {\n    norm    = pre(rmsnorm())\n    scaling = gpas()\n  }\n}",
    },
    {
      code: "SPC3102",
      name: "gpas-starts-flipped",
      severity: "warning",
      message: "gates that start at {init} scale the stream by {factor}",
      why: "A gate keeps the fraction 1 - f(gate) of what it scales. At 0 nothing of the stream is left, below 0 its sign turns; with silu that begins at a gate of 1.2785. The authors start at 0, where nothing is scaled.",
      wrong: "model M extends Base {\n  blocks { scaling = gpas(init: 2) }\n}",
      right: "model M extends Base {\n  blocks { scaling = gpas(init: 0) }\n}",
    },
  ],
  words: ["gpas"],
  checkBlock,
};
