// The words of chains: `coe(...)`, whose routers its iterations use, and their complaints. The rest is the mixture's.
import { variantOf } from "../../semantics/spec-values.ts";
import type { Complaint, DiagnosticEntry } from "../../diagnostics/entry.ts";
import type { Constructor, VocabularyPart } from "../../semantics/schema.ts";
import type { Variant } from "../../semantics/spec.ts";
import { counting, key, sum } from "../../semantics/vocabulary/kit.ts";
import {
  balanceKeys,
  checkMixture,
  expertKeys,
  residualKey,
  type ExpertEntry,
} from "../experts/vocabulary.ts";

const source = "arXiv 2506.18945";

const check = (value: Variant): readonly Complaint<Entry | ExpertEntry>[] => {
  const router = variantOf(value["router"]);
  const complaints: Complaint<Entry | ExpertEntry>[] = [
    ...checkMixture(value, router?.["router"], "router.router"),
  ];
  if (value["iterations"] === 1 && (router?.is === "one" || router?.is === "first"))
    complaints.push({
      name: "chain-of-one",
      args: { router: router.is },
      at: "iterations",
      details: { help: ["use more iterations, or moe(...) with the same residual"] },
    });
  return complaints;
};

const routers = (
  [
    ["per_iteration", "each iteration has a router of its own", `${source}, eq. 7`],
    [
      "one",
      "one router, asked again about the state of each iteration",
      "the authors' code: use_igate: false",
    ],
    [
      "first",
      "one router, asked once: later iterations keep the first choice and its weights",
      `${source}, eq. 8`,
    ],
  ] as const
).map(([name, doc, from]): Constructor => ({
  name,
  of: "ChainRouter",
  doc,
  source: from,
  keys: [key("router", sum("Router"), "how it chooses and weighs", { default: "softmax()" })],
}));

const chain = (args: string): string =>
  `model M extends Base {\n  blocks { ffn = coe(experts: 8, top_k: 2, intermediate: 16, ${args}) }\n}`;
const diagnostics = [
  {
    code: "SPC3501",
    name: "chain-of-one",
    severity: "warning",
    message: "a chain of one iteration has nothing to share its router with: {router}(...)",
    why: "What router: one(...) and router: first(...) say concerns the iterations after the first. A chain of one iteration is moe(...) with the same residual.",
    wrong: chain("iterations: 1, router: one(softmax())"),
    right: chain("iterations: 2, router: one(softmax())"),
  },
] as const satisfies readonly DiagnosticEntry[];
type Entry = (typeof diagnostics)[number];

export const vocabulary: VocabularyPart<Entry | ExpertEntry> = {
  sums: [{ name: "ChainRouter", doc: "whose routers the iterations of a chain use" }],
  constructors: [
    {
      name: "coe",
      of: "Ffn",
      doc: "a chain of experts: the same experts visited in several rounds, each choosing anew by what the last one gave",
      source,
      neutral: [
        {
          with: "coe(experts: 4, top_k: 2, intermediate: 16, iterations: 1, residual: outer)",
          is: "moe(experts: 4, top_k: 2, intermediate: 16)",
        },
      ],
      keys: [
        ...expertKeys,
        key("iterations", counting, "rounds", {
          default: "2",
          example: "3",
          source: `${source}, eq. 4-6`,
        }),
        key("router", sum("ChainRouter"), "whose routers the iterations use", {
          default: "per_iteration()",
          source: `${source}, eq. 7`,
        }),
        residualKey("inner"),
        ...balanceKeys,
      ],
      check,
    },
    ...routers,
  ],
  diagnostics,
  otherNames: {
    iterations: ["inner_iter", "iters", "rounds", "depth"],
    router: ["use_igate"],
    one: ["shared", "single"],
  },
};
