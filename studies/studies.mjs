// The questions, as data: which models of which file are trained, and what is measured on each beside its held-out loss.
import { activationVariance, headLosses } from "./measure.mjs";

/** `against`: the arm that all others are compared with. `measure`: name -> numbers, from what `specc forward` gives. */
export const STUDIES = [
  {
    name: "gpas",
    title: "GPAS over Pre-LN, twelve blocks",
    claim: "GPAS lowers the loss of Pre-LN and keeps the variance of activations flat over depth",
    against: "PreNorm",
    arms: ["PreNorm", "Gpas"],
    measure: activationVariance,
  },
  {
    name: "coe",
    title: "Chains against mixtures, with the same experts and as many calls",
    claim: "CoE-2(4/32) reaches a lower loss than MoE(8/32)",
    against: "Moe8",
    arms: ["Moe8", "Moe8Outer", "Coe2"],
  },
  {
    name: "neurotrails",
    title: "Heads and the mean of their logits",
    claim: "the mean of the heads' logits predicts better than each head, and than a single model",
    against: "Single",
    arms: ["Single", "Trails"],
    measure: headLosses,
  },
];
