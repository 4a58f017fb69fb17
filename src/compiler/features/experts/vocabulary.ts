// The words of all layers of experts: their keys, routers, what balances them, and their complaints.
import { numberOf, variantOf } from "../../semantics/spec-values.ts";
import { counting, key, positive, sum, yesNo } from "../../semantics/vocabulary/kit.ts";
import type { Complaint, DiagnosticEntry } from "../../diagnostics/entry.ts";
import type { Constructor, Key, VocabularyPart } from "../../semantics/schema.ts";
import type { BlockSpec, Known, Value, Variant } from "../../semantics/spec.ts";
import { balanceTerms } from "./config.ts";

const switched = "arXiv 2101.03961";
const v2 = "arXiv 2405.04434";
const v3 = "arXiv 2412.19437";
const weight: Key = key(
  "weight",
  { kind: "float", min: 0 },
  "multiplies the term; it is `weight` when all experts are used alike",
  { example: "0.01" },
);

/** Everything of a mixture but its router and its residual. */
export const expertKeys: readonly Key[] = [
  key("experts", counting, "routed experts: a token visits `top_k` of them", { example: "4" }),
  key("top_k", counting, "experts that a token visits", {
    example: "2",
    source: "arXiv 1701.06538, eq. 3-5",
  }),
  key("intermediate", counting, "width between the two linear maps of one expert", {
    example: "16",
  }),
  key(
    "shared",
    { kind: "int", min: 0 },
    "experts that every token visits besides, built as one layer of their joint width",
    {
      default: "0",
      example: "1",
      source: `${v2}, section 2.2.1`,
    },
  ),
];
export const balanceKeys: readonly Key[] = [
  key(
    "balance",
    { kind: "list", of: sum("Balance"), single: true },
    "what keeps experts evenly used, one or a list; none leaves them to themselves",
    {
      default: "none",
      optional: true,
    },
  ),
  key(
    "z_loss",
    positive,
    "weight of the mean square of log Σ e^logit, which keeps a router's logits small",
    {
      default: "none",
      example: "0.01",
      optional: true,
      source: "arXiv 2202.08906, eq. 5",
    },
  ),
  key(
    "capacity",
    positive,
    "room of an expert in a pass of training, as a multiple of the mean load; what does not fit loses that expert and is counted. none: nothing is ever dropped",
    {
      default: "none",
      example: "1.25",
      optional: true,
      source: `${switched}, eq. 3`,
    },
  ),
];
const residuals = (
  [
    ["outer", "h + M(N h): the block's own addition, as for any layer", "eq. 9"],
    [
      "inner",
      "M(N h) + N h in place of the stream: what the authors of Chain-of-Experts build",
      "eq. 6",
    ],
    ["both", "h + M(N h) + N h", undefined],
    ["none", "M(N h) in place of the stream", undefined],
    [
      "init",
      "adds the input of the first iteration again in each, in place of the stream",
      "eq. 10",
    ],
  ] as const
).map(([name, doc, equation]): Constructor => ({
  name,
  of: "ExpertResidual",
  doc,
  keys: [],
  ...(equation !== undefined && { source: `arXiv 2506.18945, ${equation}` }),
}));
export const residualKey = (standard: string): Key =>
  key("residual", sum("ExpertResidual"), "what the experts' sum is added to", {
    default: standard,
  });

const routerKeys: readonly Key[] = [
  key("renormalise", yesNo, "divides the weights of a token's experts by their sum", {
    default: "false",
    source: "norm_topk_prob of Hugging Face configs",
  }),
  key("scale", positive, "multiplies the weights in the end", {
    default: "1",
    source: "routed_scaling_factor of Hugging Face configs",
  }),
  key("groups", sum("ExpertGroups"), "limits a token to the experts of its best groups", {
    default: "none",
    optional: true,
  }),
  key("init", sum("Init"), "how its weight starts; none: as the model's linear layers", {
    default: "none",
    optional: true,
  }),
];

const constructors: readonly Constructor[] = [
  {
    name: "softmax",
    of: "Router",
    doc: "scores are a softmax over all experts",
    source: switched,
    keys: routerKeys,
  },
  {
    name: "sigmoid",
    of: "Router",
    doc: "each expert is scored on its own, by a sigmoid",
    source: `${v3}, eq. 15`,
    keys: routerKeys,
  },
  {
    name: "groups",
    of: "ExpertGroups",
    doc: "experts in equal groups, in their order; a token chooses among those of its best groups",
    source: `${v2}, section 2.2.2`,
    keys: [
      key("count", counting, "groups", { example: "2" }),
      key("keep", counting, "groups that stay open to a token", { example: "1" }),
      key(
        "rank",
        {
          kind: "word",
          words: [
            { name: "best", doc: "by its highest score, as in DeepSeek-V2" },
            { name: "best_two", doc: "by the sum of its two highest, as in DeepSeek-V3" },
          ],
        },
        "how a group is scored",
        { default: "best", source: v2 },
      ),
    ],
  },
  {
    name: "sequence",
    of: "Balance",
    doc: "a term of the loss that evens out the experts within each sequence",
    source: `${v3}, eq. 17-20`,
    keys: [weight],
  },
  {
    name: "batch",
    of: "Balance",
    doc: "a term of the loss that evens out the experts over all tokens of a pass",
    source: `${switched}, eq. 4`,
    keys: [weight],
  },
  {
    name: "global",
    of: "Balance",
    doc: "like batch, with the loads of all passes of an update so far",
    source: "arXiv 2501.11873",
    keys: [weight],
  },
  {
    name: "model",
    of: "Balance",
    doc: "like batch, over the tokens of all layers together, as Mixtral in transformers (there the balanced value is top_k times as large)",
    source: "transformers: load_balancing_loss_func",
    keys: [weight],
  },
  {
    name: "bias",
    of: "Balance",
    doc: "a number for each expert, added to scores where experts are chosen and nowhere else; after an update it moves against the load",
    source: "arXiv 2408.15664",
    keys: [
      key(
        "rate",
        { kind: "float", min: 0 },
        "how far it moves after an update; 0 keeps it as it is",
        { default: "0.001", source: `${v3}, section 4.2` },
      ),
    ],
  },
];

/** The numbers of a mixture against each other; `at` is where its router stands. */
export const checkMixture = (
  value: Variant,
  router: Value | undefined,
  at = "router",
): readonly Complaint<ExpertEntry>[] => {
  const [experts, topK] = [numberOf(value["experts"]), numberOf(value["top_k"])];
  if (experts === undefined || topK === undefined) return [];
  const complaints: Complaint<ExpertEntry>[] = [];
  if (topK > experts)
    complaints.push({
      name: "experts-too-few",
      args: { topK, experts },
      at: "top_k",
      details: { help: [`use top_k: ${experts}, which visits all, or more experts`] },
    });
  const routing = variantOf(router);
  if (routing?.["renormalise"] === true && topK === 1)
    complaints.push({
      name: "renormalised-single",
      args: {},
      at: `${at}.renormalise`,
      details: { help: ["leave renormalise out, or visit more than one expert"] },
    });
  const groups = variantOf(routing?.["groups"]);
  if (groups !== undefined) complaints.push(...checkGroups(groups, experts, topK, `${at}.groups`));
  const capacity = numberOf(value["capacity"]);
  if (capacity !== undefined && capacity < 1)
    complaints.push({
      name: "capacity-below-load",
      args: { capacity, lost: `${Math.round(100 * (1 - capacity))} %` },
      at: "capacity",
      details: {
        help: ["use a capacity above 1, for instance 1.25, or none, which drops nothing"],
      },
    });
  const names = balanceTerms(value).map((term) => term.is);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined)
    complaints.push({
      name: "balance-twice",
      args: { term: twice },
      at: "balance",
      details: { help: [`keep one ${twice}(...)`] },
    });
  return complaints;
};

const checkGroups = (
  groups: Variant,
  experts: number,
  topK: number,
  at: string,
): readonly Complaint<ExpertEntry>[] => {
  const [count, keep] = [numberOf(groups["count"]), numberOf(groups["keep"])];
  if (count === undefined || keep === undefined) return [];
  const complaint = (
    problem: string,
    part: string,
    help: string,
  ): readonly Complaint<ExpertEntry>[] => [
    { name: "expert-groups", args: { problem }, at: `${at}.${part}`, details: { help: [help] } },
  ];
  const size = experts / count;
  if (!Number.isInteger(size))
    return complaint(
      `${experts} experts do not fall into ${count} equal groups`,
      "count",
      `use a count that divides ${experts}`,
    );
  if (keep > count)
    return complaint(`${keep} groups are kept of ${count}`, "keep", `keep ${count} at most`);
  if (topK > keep * size)
    return complaint(
      `a token visits ${topK} experts, but ${keep === 1 ? "one group holds" : `${keep} groups hold`} ${keep * size}`,
      "keep",
      `keep ${Math.ceil(topK / size)} groups or more`,
    );
  if (groups["rank"] === "best_two" && size < 2)
    return complaint("a group of one expert has no two best", "rank", "use rank: best");
  return [];
};

/** The term over all layers is one: its blocks must agree on it. */
const checkBlock = (
  block: Known<BlockSpec>,
  blocks: readonly Known<BlockSpec>[],
): readonly Complaint<ExpertEntry>[] => {
  const told = ({ ffn }: Known<BlockSpec>): string | undefined => {
    if (ffn === undefined) return undefined;
    const term = balanceTerms(ffn).find(({ is }) => is === "model");
    return term && JSON.stringify([term, ffn["experts"]]);
  };
  const all = blocks.map(told).filter((term) => term !== undefined);
  const own = told(block);
  if (own === undefined || own === all[0]) return [];
  const help = [
    "give all blocks the same experts and balance: model(...), or use batch(...), which is a term of each layer",
  ];
  return [{ name: "balance-differs", args: {}, at: "ffn.balance", details: { help } }];
};

const mixture = (args: string): string =>
  `model M extends Base {\n  blocks { ffn = moe(${args}) }\n}`;
const diagnostics = [
  {
    code: "SPC3401",
    name: "experts-too-few",
    severity: "error",
    message: "a token is to visit {topK} of {experts} experts",
    why: "The router chooses `top_k` different experts, so there must be at least that many. Shared experts do not count: every token visits them anyway.",
    wrong: mixture("experts: 4, top_k: 6, intermediate: 16"),
    right: mixture("experts: 8, top_k: 6, intermediate: 16"),
  },
  {
    code: "SPC3402",
    name: "expert-groups",
    severity: "error",
    message: "the groups of experts do not fit: {problem}",
    why: "Group-limited routing splits the experts into equal groups in their order, keeps the best ones for a token, and chooses `top_k` experts within them. The numbers must leave enough experts to choose from.",
    wrong: mixture(
      "experts: 8, top_k: 2, intermediate: 16, router: softmax(groups: groups(count: 3, keep: 1))",
    ),
    right: mixture(
      "experts: 8, top_k: 2, intermediate: 16, router: softmax(groups: groups(count: 4, keep: 2))",
    ),
  },
  {
    code: "SPC3403",
    name: "renormalised-single",
    severity: "warning",
    message: "one expert's weight divided by itself is always 1",
    why: "With `top_k: 1` and `renormalise: true` the weight of the chosen expert is 1 whatever its score, so the router gets no gradient from the loss and learns from balance terms alone, if at all.",
    wrong: mixture("experts: 8, top_k: 1, intermediate: 16, router: softmax(renormalise: true)"),
    right: mixture("experts: 8, top_k: 1, intermediate: 16, router: softmax()"),
  },
  {
    code: "SPC3404",
    name: "balance-twice",
    severity: "error",
    message: "{term}(...) stands twice in balance",
    why: "Each way to balance experts has one weight. Different ones may be combined, as DeepSeek-V3 combines bias(...) with a small sequence(...).",
    wrong: mixture("experts: 8, top_k: 2, intermediate: 16, balance: [batch(0.01), batch(0.02)]"),
    right: mixture(
      "experts: 8, top_k: 2, intermediate: 16, balance: [bias(0.001), sequence(0.0001)]",
    ),
  },
  {
    code: "SPC3405",
    name: "capacity-below-load",
    severity: "warning",
    message: "a capacity of {capacity} drops at least {lost} of all assignments",
    why: "Capacity is a multiple of the mean load. Below 1 there is less room than tokens even if all experts are used alike.",
    wrong: mixture("experts: 8, top_k: 2, intermediate: 16, capacity: 0.5"),
    right: mixture("experts: 8, top_k: 2, intermediate: 16, capacity: 1.25"),
  },
  {
    code: "SPC3406",
    name: "balance-differs",
    severity: "error",
    message:
      "balance: model(...) is one term over all layers, and this block has it otherwise than the first",
    why: "The term compares loads and shares summed over the layers, so all layers that take part need the same number of experts and the same weight.",
    wrong:
      "model M extends Base {\n  blocks { ffn = moe(experts: 8, top_k: 2, intermediate: 16, balance: model(if l == 1 then 0.1 else 0.2)) }\n}",
    right: mixture("experts: 8, top_k: 2, intermediate: 16, balance: model(0.1)"),
  },
] as const satisfies readonly DiagnosticEntry[];
export type ExpertEntry = (typeof diagnostics)[number];

/** Brought by the mixture. */
export const expertWords: VocabularyPart<ExpertEntry> = {
  sums: [
    { name: "Router", doc: "how a mixture chooses experts" },
    { name: "ExpertGroups", doc: "experts in groups, of which a token takes the best" },
    { name: "Balance", doc: "what keeps experts evenly used" },
    { name: "ExpertResidual", doc: "what the sum of experts is added to" },
  ],
  constructors: [...constructors, ...residuals],
  diagnostics,
  words: ["router", "experts", "shared"],
  otherNames: {
    experts: ["num_experts", "n_experts", "num_local_experts", "n_routed_experts", "routed"],
    top_k: ["topk", "k", "num_experts_per_tok", "experts_per_token", "moe_top_k"],
    intermediate: ["moe_intermediate_size", "expert_dim", "inner"],
    shared: ["n_shared_experts", "num_shared_experts", "shared_experts"],
    router: ["scoring_func", "score_function", "gating"],
    renormalise: ["norm_topk_prob", "normalize", "norm_topk"],
    scale: ["routed_scaling_factor"],
    groups: ["n_group", "num_groups"],
    count: ["n_group", "num_groups"],
    keep: ["topk_group"],
    balance: ["aux_loss", "aux_loss_alpha", "aux_loss_coef", "router_aux_loss_coef", "seq_aux"],
    z_loss: ["router_z_loss", "router_z_loss_coef", "z_loss_coef"],
    capacity: ["capacity_factor", "expert_capacity"],
    residual: ["inner_residual", "outer_residual"],
    sequence: ["aux", "seq_aux"],
  },
  checkBlock,
};
