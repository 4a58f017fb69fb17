// The words of static sparsity: a form of the rules of `sparsity`, and what is wrong with a use of it.
import type { Complaint, DiagnosticEntry } from "../../diagnostics/entry.ts";
import type { VocabularyPart } from "../../semantics/schema.ts";
import { sparseRules } from "../../semantics/sparsity.ts";
import type { Known, RuleSpec } from "../../semantics/spec.ts";
import { ctor, key } from "../../semantics/vocabulary/kit.ts";
import { fixedDensities } from "./fixed.ts";

const RIGL = "arXiv 1911.11134";

const fixed = ctor(
  "Sparsity",
  "fixed",
  "each weight is there with a probability that depends on its layer alone; what is drawn at the start holds to the end",
  [
    key(
      "density",
      { kind: "float", above: 0, max: 1, percent: true },
      "share of all weights that the rule takes which are there, in expectation",
      { example: "0.5" },
    ),
    key(
      "init",
      {
        kind: "word",
        words: [
          {
            name: "erk",
            doc: `Erdős–Rényi kernels: δ in proportion to the sum over the product of a tensor's sizes, so that small layers stay dense (${RIGL})`,
          },
          {
            name: "er",
            doc: "Erdős–Rényi: the same of input and output channels alone, whatever the size of a kernel (arXiv 1707.04780)",
          },
          { name: "uniform", doc: "the same share of each" },
        ],
      },
      "how the density is shared out among the layers",
      { default: "erk", source: "bramgrooten/neurotrails" },
    ),
  ],
  `${RIGL}, section 3`,
);

const isSound = (rule: Known<RuleSpec>): rule is RuleSpec =>
  rule.selector !== undefined && rule.text !== undefined && rule.value !== undefined;

const checkPair: NonNullable<VocabularyPart<Entry>["checkPair"]> = (model, recipe, parameters) => {
  const rules = recipe.sparsity?.filter(isSound) ?? [];
  // what a rule takes is not known where one before it is not
  if (model.blocks === undefined || rules.length !== recipe.sparsity?.length) return [];
  return sparseRules(rules, parameters, model.blocks.length).flatMap(
    ({ rule, taken, weights }): readonly Complaint<Entry>[] => {
      const { is } = rule.value;
      if (is !== fixed.name || taken.length === 0) return [];
      const at = `sparsity.${rules.indexOf(rule)}`;
      if (weights.length === 0)
        return [
          {
            name: "nothing-to-mask",
            args: { selector: rule.text },
            at: `${at}.selector`,
            details: { help: ["use none, or a selector that takes matrices or kernels too"] },
          },
        ];
      const found = fixedDensities(rule.value, weights);
      const [first, ...others] = weights.filter(
        ({ shape, count }, i) => shape.reduce((n, size) => n * size, count) * found[i]! < 1,
      );
      if (first === undefined) return [];
      const more = others.length === 0 ? "" : ` and of ${others.length} more`;
      return [
        {
          name: "less-than-one-weight",
          args: { names: `${first.name}${more}` },
          at: `${at}.value.density`,
          details: { help: ["use a larger density, or another init"] },
        },
      ];
    },
  );
};

const diagnostics = [
  {
    code: "SPC3901",
    name: "nothing-to-mask",
    severity: "error",
    message: "{selector} takes nothing that can be sparse",
    why: "Masks are for matrices and the kernels of convolutions. A norm's gain, a bias or a gate has one number for each channel, and running statistics are measured; they keep all of theirs, and a budget for them alone would mean nothing.",
    wrong:
      'recipe R for Base {\n  data = text("a.txt", sequence: 64)\n  sparsity {\n    norm => fixed(density: 0.5)\n    * => none\n  }\n}',
    right:
      'recipe R for Base {\n  data = text("a.txt", sequence: 64)\n  sparsity {\n    * => fixed(density: 0.5)\n  }\n}',
  },
  {
    code: "SPC3902",
    name: "less-than-one-weight",
    severity: "warning",
    message: "less than one weight of {names} would be there",
    why: "Each weight is drawn by itself. Where less than one is expected, the tensor is most likely all zero: what goes through it says nothing, and learns nothing.",
    wrong:
      'recipe R for Base {\n  data = text("a.txt", sequence: 64)\n  sparsity {\n    * => fixed(density: 1e-4, init: uniform)\n  }\n}',
    right:
      'recipe R for Base {\n  data = text("a.txt", sequence: 64)\n  sparsity {\n    * => fixed(density: 0.05, init: uniform)\n  }\n}',
  },
] as const satisfies readonly DiagnosticEntry[];
type Entry = (typeof diagnostics)[number];

export const vocabulary: VocabularyPart<Entry> = {
  constructors: [fixed],
  otherNames: { sparsity: ["rigl", "dynamic_sparse_training", "pruning"] },
  checkPair,
  diagnostics,
};
