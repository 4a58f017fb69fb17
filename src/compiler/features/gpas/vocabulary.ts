// The words of GPAS: the constructor `gpas(...)`, two keys of recipes, and its complaints.
import type { Placement, Site } from "../../model/sites.ts";
import { gateActivations } from "./gate.ts";
import type { Complaint, DiagnosticEntry } from "../../diagnostics/entry.ts";
import type { VocabularyPart } from "../../semantics/schema.ts";
import { variantOf } from "../../semantics/spec-values.ts";
import { shown } from "../../semantics/values.ts";
import type { BlockSpec, Known, Variant } from "../../semantics/spec.ts";

const source = "arXiv 2506.22049";
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

const diagnostics = [
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
  {
    code: "SPC3103",
    name: "gpas-meets-once",
    severity: "error",
    message: "parallel sub-layers meet in one addition, which needs one gate",
    why: "share: sublayer gives each sub-layer a gate for its own addition. In a parallel block there is one addition of both, so a second gate would have no place.",
    wrong:
      "model M extends Base {\n  blocks {\n    norm    = parallel(rmsnorm())\n    scaling = gpas(share: sublayer)\n  }\n}",
    right:
      "model M extends Base {\n  blocks {\n    norm    = parallel(rmsnorm())\n    scaling = gpas()\n  }\n}",
  },
  {
    code: "SPC3104",
    name: "gpas-undone",
    severity: "warning",
    message: "under {norm} a norm follows the addition and undoes what this gate does",
    why: "The norm after an addition divides by the size of the sum, so a factor of the whole sum changes nothing that follows. On the shortcut, the default of such blocks, the gate weighs the stream against what the sub-layer adds.",
    wrong:
      "model M extends Base {\n  blocks {\n    norm    = deepnorm(rmsnorm())\n    scaling = gpas(site: after_addition)\n  }\n}",
    right:
      "model M extends Base {\n  blocks {\n    norm    = deepnorm(rmsnorm())\n    scaling = gpas(site: shortcut)\n  }\n}",
  },
  {
    code: "SPC3105",
    name: "gpas-never-learns",
    severity: "warning",
    message: "gates of {gate} that start at {init} have no gradient and stay there",
    why: "Where its function is flat a gate gets no gradient, however long it is trained: relu is flat at 0 and below. Nothing is scaled then, and the model is the one without gpas.",
    wrong: "model M extends Base {\n  blocks { scaling = gpas(gate: relu) }\n}",
    right: "model M extends Base {\n  blocks { scaling = gpas(gate: relu, init: 0.1) }\n}",
  },
  {
    code: "SPC3106",
    name: "gpas-without-gates",
    severity: "warning",
    message: "{key} has nothing to act on: {model} has no gates that are trained",
    why: "gate_clip and gate_lr are about the gates of scaling = gpas(...) alone. For a model without them, or with trainable: false, they change nothing.",
    wrong: 'recipe R for Base {\n  data = text("a.txt", sequence: 64)\n  gate_clip = 0.01\n}',
    right:
      'model M extends Base {\n  blocks { scaling = gpas() }\n}\n\nrecipe R for M {\n  data = text("a.txt", sequence: 64)\n  gate_clip = 0.01\n}',
  },
  {
    code: "SPC3107",
    name: "gpas-without-shortcut",
    severity: "warning",
    message: "gpas scales a shortcut, and this block has none: {ffn} stands in place of the stream",
    why: "Parallel sub-layers meet the stream in one addition. Experts with residual: inner, none or init leave the stream out of it, so a gate on the shortcut has nothing to scale and is not made. Under other placements the attention's shortcut is still there.",
    wrong:
      "model M extends Base {\n  blocks {\n    norm    = parallel(rmsnorm())\n    ffn     = moe(experts: 4, top_k: 2, intermediate: 16, residual: inner)\n    scaling = gpas(site: shortcut)\n  }\n}",
    right:
      "model M extends Base {\n  blocks {\n    norm    = parallel(rmsnorm())\n    ffn     = moe(experts: 4, top_k: 2, intermediate: 16, residual: outer)\n    scaling = gpas(site: shortcut)\n  }\n}",
  },
] as const satisfies readonly DiagnosticEntry[];
type Entry = (typeof diagnostics)[number];

/**
 * Where a gate acts in a block of this placement: on the stream after the addition, but on the shortcut where a norm after the
 * addition would undo that.
 */
export const siteOf = (config: Variant, { norms }: Placement): Site => {
  const named = sites.find((s) => s.name === config["site"]);
  return named?.site ?? (norms.attention.after === undefined ? "residual.out" : "residual.skip");
};

/** Whose norm follows the addition: it takes back whatever factor the sum had. */
const NORMS_LAST = ["post", "deepnorm"];
/** What experts are added to, where that is not the stream. */
const NO_SHORTCUT = ["inner", "none", "init"];

const checkBlock = (
  block: Known<BlockSpec>,
  blocks: readonly Known<BlockSpec>[],
): readonly Complaint<Entry>[] => {
  const { scaling, norm, ffn } = block;
  if (scaling?.is !== "gpas" || norm === undefined) return [];
  if (norm.is === "parallel" && scaling["share"] === "sublayer")
    return [
      {
        name: "gpas-meets-once",
        args: {},
        at: "scaling.share",
        details: { help: ["use share: block, the default"] },
      },
    ];
  const residual = variantOf(ffn?.["residual"]);
  const isCut = residual !== undefined && NO_SHORTCUT.includes(residual.is);
  if (scaling["site"] === "shortcut" && norm.is === "parallel" && isCut)
    return [
      {
        name: "gpas-without-shortcut",
        args: { ffn: `${ffn?.is}(residual: ${residual.is})` },
        at: "scaling.site",
        details: { help: ["use residual: outer or both, or site: after_addition"] },
      },
    ];
  if (scaling["site"] === "after_addition" && NORMS_LAST.includes(norm.is))
    return [
      {
        name: "gpas-undone",
        args: { norm: norm.is },
        at: "scaling.site",
        details: { help: ["use site: shortcut"] },
      },
    ];
  // Mixed models have an official form (`post_pre_gpas`), plain Post-LN has none; a written `site` says that it is meant.
  const plain = blocks.every((other) => other.norm?.is === "post");
  if (!plain || typeof scaling["site"] === "string") return [];
  const help = [
    "put the norm inside the branch: norm = pre(rmsnorm())",
    "or say where the gate acts: scaling = gpas(site: shortcut)",
  ];
  return [{ name: "gpas-on-post", args: {}, at: "scaling", details: { help } }];
};

const checkStart = (value: Variant): readonly Complaint<Entry>[] => {
  const { gate, init } = value;
  if (typeof gate !== "string" || typeof init !== "number") return [];
  const f = gateActivations[gate];
  if (f === undefined) return [];
  if (f.flatUpTo !== undefined && init <= f.flatUpTo && value["trainable"] !== false)
    return [
      {
        name: "gpas-never-learns",
        args: { gate, init: shown(init) },
        at: "init",
        details: { help: ["start above 0, for instance at init: 0.1"] },
      },
    ];
  const kept = 1 - f.of(init);
  if (kept > 0) return [];
  const help =
    f.of(0) === 0
      ? "start at 0, where the model is the one without gpas"
      : "start below 0, the lower the more of the stream is left";
  const details = { help: [help] };
  return [
    {
      name: "gpas-starts-flipped",
      args: { init: shown(init), factor: String(Number(kept.toFixed(3))) },
      at: "init",
      details,
    },
  ];
};

const checkPair: NonNullable<VocabularyPart<Entry>["checkPair"]> = (model, recipe, parameters) => {
  if (parameters.some(({ name, trained }) => trained && /\.gpas\.\w*gate$/.test(name))) return [];
  const written = [
    ["gate_clip", null],
    ["gate_lr", 1],
  ] as const;
  return written.flatMap(([key, standard]): readonly Complaint<Entry>[] =>
    recipe[key] === undefined || recipe[key] === standard
      ? []
      : [
          {
            name: "gpas-without-gates",
            args: { key, model: model.name },
            at: key,
            details: { help: [`leave ${key} out, or give the model scaling = gpas()`] },
          },
        ],
  );
};

export const vocabulary: VocabularyPart<Entry> = {
  constructors: [
    {
      name: "gpas",
      of: "Scaling",
      doc: "gradient-preserving activation scaling: y = h - f(gate) · stop(h), after each residual addition",
      source,
      neutral: [{ with: "gpas(init: 0)", is: "none" }],
      keys: [
        {
          name: "gate",
          type: {
            kind: "word",
            words: Object.entries(gateActivations).map(([name, { doc }]) => ({ name, doc })),
          },
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
  diagnostics,
  words: ["gpas"],
  otherNames: {
    gate: ["act", "activation"],
    share: ["sharing"],
    gate_lr: ["gate_learning_rate"],
    gate_clip: ["gate_max_norm", "clip_gates"],
    block: ["per_block"],
    sublayer: ["per_sublayer"],
    after_addition: ["after_residual_add", "after_residual", "after_add"],
    shortcut: ["on_shortcut", "skip", "residual"],
    branch: ["on_branch", "module_output"],
  },
  checkBlock,
  checkPair,
};
