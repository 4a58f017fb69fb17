// Mix-LN, arXiv 2412.13795: the first layers Post-LN, the rest Pre-LN. A layer is one or the other, so this is a way to write
// down which, and the Spec knows only the two.
import type { Complaint, DiagnosticEntry } from "../../diagnostics/entry.ts";
import type { Layering } from "../../semantics/schema.ts";
import type { Variant } from "../../semantics/spec.ts";
import { ctor, fraction, key, sum } from "../../semantics/vocabulary/kit.ts";
import type { Feature } from "../feature.ts";

/** As the paper and its code round: the floor. */
const QUARTER = 0.25;

const postBlocks = (value: Variant, depth: number): number => {
  const { post_blocks: count, fraction: share } = value;
  if (typeof count === "number") return count;
  return Math.floor((typeof share === "number" ? share : QUARTER) * depth);
};

const perLayer: Layering<Entry> = (value, { l, L }) => {
  const count = postBlocks(value, L);
  const norm = value["norm"] ?? null;
  const complaints: readonly Complaint<Entry>[] =
    count > L ? [{ name: "mix-beyond-depth", args: { count, depth: L }, at: "post_blocks" }] : [];
  return { value: { is: l <= count ? "post" : "pre", norm }, complaints };
};

const checkCount = (value: Variant): readonly Complaint<Entry>[] =>
  value["post_blocks"] === null || value["fraction"] === null
    ? []
    : [{ name: "mix-counted-twice", args: {}, at: "fraction" }];

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
  },
};
