// Mix-LN, arXiv 2412.13795: the first layers Post-LN, the rest Pre-LN. A layer is one or the other, so this is a way to write
// down which, and the Spec knows only the two.
import type { Complaint, DiagnosticEntry } from "../../diagnostics/entry.ts";
import type { Layering } from "../../semantics/schema.ts";
import { showNumber } from "../../semantics/values.ts";
import type { Variant } from "../../semantics/spec.ts";
import { ctor, fraction, key, sum } from "../../semantics/vocabulary/kit.ts";
import type { Feature } from "../feature.ts";

/** α of the paper. */
const QUARTER = 0.25;

const shareOf = ({ fraction: share }: Variant): number =>
  typeof share === "number" ? share : QUARTER;
/** Rounded down, as the paper and its code do. */
const postBlocks = (value: Variant, depth: number): number => {
  const { post_blocks: count } = value;
  return typeof count === "number" ? count : Math.floor(shareOf(value) * depth);
};

const perLayer: Layering<Entry> = (value, { l, L }) => {
  const count = postBlocks(value, L);
  const norm = value["norm"] ?? null;
  const complaints: Complaint<Entry>[] = [];
  if (count > L)
    complaints.push({
      name: "mix-beyond-depth",
      args: { count, depth: L },
      at: "post_blocks",
      details: { help: [`use post_blocks: ${L} at most`] },
    });
  if (count === 0 && typeof value["post_blocks"] !== "number" && value["fraction"] !== 0)
    complaints.push({
      name: "mix-of-one-kind",
      args: { share: showNumber(shareOf(value), "%"), depth: L },
      at: "fraction",
      details: { help: ["use post_blocks: 1 for one Post-LN layer, or pre(...) for none"] },
    });
  return { value: { is: l <= count ? "post" : "pre", norm }, complaints };
};

const checkCount = (value: Variant): readonly Complaint<Entry>[] =>
  value["post_blocks"] === null || value["fraction"] === null
    ? []
    : [
        {
          name: "mix-counted-twice",
          args: {},
          at: "fraction",
          details: { help: ["keep one of post_blocks and fraction"] },
        },
      ];

const diagnostics = [
  {
    code: "SPC3211",
    name: "mix-counted-twice",
    severity: "error",
    message: "the Post-LN layers of mix are counted twice",
    why: "post_blocks is a number of layers, fraction a part of all of them. Either says how many are Post-LN; together they could contradict each other.",
    wrong: "model M extends Base {\n  blocks { norm = mix(post_blocks: 1, fraction: 25%) }\n}",
    right: "model M extends Base {\n  blocks { norm = mix(post_blocks: 1) }\n}",
  },
  {
    code: "SPC3212",
    name: "mix-beyond-depth",
    severity: "error",
    message: "mix makes {count} layers Post-LN, but the model has {depth}",
    why: "All layers can be Post-LN, which is norm = post(...); more than all cannot.",
    wrong: "model M extends Base {\n  blocks { norm = mix(post_blocks: 12) }\n}",
    right: "model M extends Base {\n  blocks { norm = mix(post_blocks: 1) }\n}",
  },
  {
    code: "SPC3213",
    name: "mix-of-one-kind",
    severity: "warning",
    message: "mix makes no layer Post-LN: {share} of {depth} layers, rounded down, is 0",
    why: "A part of the layers is rounded down, so a shallow model has no Post-LN layer left and is the Pre-LN one: a quarter needs four layers. post_blocks: 0 says the same on purpose.",
    wrong: "model M extends Base {\n  blocks { norm = mix(fraction: 10%) }\n}",
    right: "model M extends Base {\n  blocks { norm = mix(fraction: 25%) }\n}",
  },
] as const satisfies readonly DiagnosticEntry[];
type Entry = (typeof diagnostics)[number];

export const mixLn: Feature = {
  name: "mix-ln",
  paper: {
    title: "Mix-LN: Unleashing the Power of Deeper Layers by Combining Pre-LN and Post-LN",
    arxiv: "2412.13795",
  },
  vocabulary: {
    constructors: [
      {
        ...ctor(
          "NormPlacement",
          "mix",
          "Mix-LN: post(norm) in the first layers, pre(norm) in the rest",
          [
            key("norm", sum("Norm"), "the norm of all layers", { default: "rmsnorm()" }),
            key("post_blocks", { kind: "int", min: 0 }, "how many layers are Post-LN", {
              default: "none",
              optional: true,
            }),
            key("fraction", fraction, "or which part of them, rounded down; without either 25%", {
              default: "none",
              optional: true,
              source: "arXiv 2412.13795: α = 0.25",
            }),
          ],
          "arXiv 2412.13795",
        ),
        neutral: [
          { with: "mix(post_blocks: 0)", is: "pre()" },
          { with: "mix(fraction: 100%)", is: "post()" },
        ],
        check: checkCount,
        perLayer,
      },
    ],
    diagnostics,
    otherNames: { mix: ["mix_ln", "mixln", "post_pre"] },
  },
};
