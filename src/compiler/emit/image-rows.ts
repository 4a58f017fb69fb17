// The picture of an image model: stem, residual units, pool and classifier.
import { grouped } from "../../bundle/numbers.ts";
import { number, variant } from "../model/config.ts";
import { strideOf } from "../model/units.ts";
import type { ImageBlockSpec, ImageSpec } from "../semantics/spec.ts";
import { blockGroups, details, type PartRows, type Row } from "./rows.ts";

/** `first`: whether the unit changes size or channels, which a 1×1 convolution on its shortcut then does too. */
const unitRows = ({ unit, first }: ImageBlockSpec): readonly Row[] => {
  const stride = number(unit, "stride");
  const onShortcut = first ? [stride === 1 ? "1×1" : `1×1 / ${stride}`] : [];
  return [
    { kind: "unit", title: unit.is.replaceAll("_", " "), detail: details(unit) },
    { kind: "add", title: "+", detail: "", skips: 1, onShortcut },
  ];
};

/** Blocks as they are drawn: a stride is what it is in each, and alike are those that do the same. */
const drawnBlocks = ({ stem, blocks }: ImageSpec): readonly ImageBlockSpec[] => {
  let channels = number(stem, "channels");
  return blocks.map((block): ImageBlockSpec => {
    const { unit } = block;
    const stride = strideOf(unit, block.first);
    const { channels: inside, expansion } = unit;
    const out = Number(inside) * (typeof expansion === "number" ? expansion : 1);
    const first = stride !== 1 || out !== channels;
    channels = out;
    return { ...block, first, unit: { ...unit, stride } };
  });
};

export const imageParts = (model: ImageSpec): PartRows => {
  const { input, stem, head, final_norm: norm } = model;
  const sides = ["height", "width", "channels"].map((key) => number(input, key)).join(" × ");
  const pool = variant(head, "pool");
  const blocks = drawnBlocks(model);
  return {
    input: { kind: "io", title: "image", detail: sides },
    stem: [{ kind: "embed", title: `${stem.is} stem`, detail: details(stem), place: "stem" }],
    blocks: (from, to) => blockGroups(blocks.slice(from, to), unitRows),
    finalNorm: norm && { kind: "norm", title: norm.is, detail: "then ReLU" },
    head: [
      { kind: "norm", title: `${pool.is} pool`, detail: details(pool) || "whole image" },
      { kind: "head", title: head.is, detail: details(head), place: "head" },
    ],
    output: { kind: "io", title: "logits", detail: grouped(number(head, "classes")) },
  };
};
