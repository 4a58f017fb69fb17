// LayerNorm Scaling, arXiv 2502.05795: in layer l what the norms of a Pre-LN block give is divided by √l. Two readings: the
// paper's constant factor, and the start of trained gains that the authors of GPAS have under the same name.
import { placements } from "../../model/placement.ts";
import type { Placement } from "../../model/sites.ts";
import type { Complaint, DiagnosticEntry } from "../../diagnostics/entry.ts";
import { variantOf } from "../../semantics/spec-values.ts";
import type { BlockSpec, Variant } from "../../semantics/spec.ts";
import { ctor, key, sum } from "../../semantics/vocabulary/kit.ts";
import type { Feature } from "../feature.ts";

const { norms } = placements["pre"]!;
const inverseRoot = (_spec: Variant, { layer }: BlockSpec): number => 1 / Math.sqrt(layer);
const fixed: Placement = { norms, factor: inverseRoot };
const started: Placement = { norms, gain: inverseRoot };

const norm = key("norm", sum("Norm"), "the norm before each sub-layer", { default: "rmsnorm()" });
const checkGain = (value: Variant): readonly Complaint<Entry>[] => {
  if (variantOf(value["norm"])?.is !== "none") return [];
  const details = { help: ["use lns(none), whose factor needs no gain"] };
  return [{ name: "lns-without-gain", args: {}, at: "norm", details }];
};

const diagnostics = [
  {
    code: "SPC3221",
    name: "lns-without-gain",
    severity: "error",
    message: "lns_init starts the gains of a norm, but none has no gain",
    why: "lns_init says where trained gains begin: at 1/√l in layer l. Without a norm there is nothing to begin with, and the layers would be plain.",
    wrong: "model M extends Base {\n  blocks { norm = lns_init(none) }\n}",
    right: "model M extends Base {\n  blocks { norm = lns_init(rmsnorm()) }\n}",
  },
] as const satisfies readonly DiagnosticEntry[];
type Entry = (typeof diagnostics)[number];

export const lns: Feature = {
  name: "lns",
  paper: { title: "The Curse of Depth in Large Language Models", arxiv: "2502.05795" },
  kinds: { placement: { lns: fixed, lns_init: started } },
  vocabulary: {
    constructors: [
      ctor(
        "NormPlacement",
        "lns",
        "h + F(N(h) / √l): LayerNorm Scaling as its paper has it, by a constant",
        [norm],
        "arXiv 2502.05795",
      ),
      {
        ...ctor(
          "NormPlacement",
          "lns_init",
          "h + F(N(h)), the gains of N starting at 1/√l: LayerNorm Scaling as the code of GPAS has it",
          [norm],
          "arXiv 2506.22049: its code",
        ),
        check: checkGain,
      },
    ],
    diagnostics,
    otherNames: { lns: ["layernorm_scaling", "ln_scaling"] },
  },
};
