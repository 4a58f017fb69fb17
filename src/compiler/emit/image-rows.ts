// The picture of an image model: stem, residual units, pool and classifier.
import { number, variant } from "../model/config.ts";
import { isVariant } from "../semantics/spec-values.ts";
import { strideOf } from "../model/units.ts";
import type { ImageBlockSpec, ImageSpec, Variant } from "../semantics/spec.ts";
import { blockGroups, details, grouped, type PartRows, type Row } from "./rows.ts";

/** A unit that strides in the first of its group alone is another one there. */
const unitRows = ({ unit, first }: ImageBlockSpec): readonly Row[] => {
  const stride = isVariant(unit["stride"]) ? strideOf(unit, first) : 1;
  const shown: Variant = { ...unit, stride };
  return [
    { kind: "unit", title: unit.is.replaceAll("_", " "), detail: details(shown) },
    { kind: "add", title: "+", detail: "", skips: 1 },
  ];
};

export const imageParts = (model: ImageSpec): PartRows => {
  const { input, stem, head, final_norm: norm } = model;
  const sides = ["height", "width", "channels"].map((key) => number(input, key)).join(" × ");
  const pool = variant(head, "pool");
  const blocks = model.blocks.map((block): ImageBlockSpec => {
    // alike but for being the first of its group, where that makes no difference
    const { stride } = block.unit;
    return isVariant(stride) && stride.is === "first" ? block : { ...block, first: true };
  });
  return {
    input: { kind: "io", title: "image", detail: sides },
    stem: [{ kind: "embed", title: `${stem.is} stem`, detail: details(stem) }],
    blocks: (from, to) => blockGroups(blocks.slice(from, to), unitRows),
    finalNorm: norm && { kind: "norm", title: norm.is, detail: "then ReLU" },
    head: [
      { kind: "norm", title: `${pool.is} pool`, detail: details(pool) || "whole image" },
      { kind: "head", title: head.is, detail: details(head) },
    ],
    output: { kind: "io", title: "logits", detail: grouped(number(head, "classes")) },
  };
};
