// Every scheme of the authors of GPAS (commit 3198068) as a model of this compiler, with the weights it was run with.
import type { DecoderSpec } from "../../src/compiler/semantics/spec.ts";
import { readGolden, type Tensors } from "./golden.ts";
import { goldenGates, gpasSizes, gpasVariant, llamaSpec } from "./models.ts";

export interface Case {
  /** Of the folder with its tensors: "gpas/pre". */
  readonly name: string;
  readonly model: DecoderSpec;
  readonly weights: Tensors;
}

const weights = { ...readGolden("gpas/weights.safetensors"), ...goldenGates };
const scaledGains = { ...weights, ...readGolden("gpas/weights-lns.safetensors") };
/** With and without gates. */
const gpas = (
  name: string,
  placement: string,
  forms: readonly ("" | "_gpas")[] = ["", "_gpas"],
  tensors: Tensors = weights,
): readonly Case[] =>
  forms.map((form) => ({
    name: `gpas/${name}${form}`,
    model: llamaSpec(gpasSizes, { placement, scaling: form === "" ? null : gpasVariant() }),
    weights: tensors,
  }));

export const cases: readonly Case[] = [
  ...gpas("pre", "pre"),
  ...gpas("post", "post", [""]),
  ...gpas("sandwich", "sandwich"),
  ...gpas("deeppost", "deepnorm"),
  ...gpas("post_pre", "mix($, post_blocks: 2)"),
  ...gpas("lns", "lns_init", undefined, scaledGains),
];
