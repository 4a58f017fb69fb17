// Names and numbers below an axis, none of which may run into the next or out of the picture.
import { LETTER } from "./figure.ts";

export interface Label {
  readonly text: string;
  /** Of its tick. */
  readonly x: number;
  readonly anchor: "start" | "middle" | "end";
  readonly from: number;
  readonly to: number;
}
/** Centred below its tick, unless it would leave the picture. */
export const labelAt = (x: number, text: string, width: number): Label => {
  const length = LETTER * text.length;
  const anchor = x < length / 2 ? "start" : x + length / 2 > width ? "end" : "middle";
  const from = x - { start: 0, middle: length / 2, end: length }[anchor];
  return { text, x, anchor, from, to: from + length };
};
const LABEL_GAP = 8;
/** Every so many of them, so that none runs into the next. */
export const clearLabels = (labels: readonly Label[], every = 1): readonly Label[] => {
  const kept = labels.filter((_, i) => i % every === 0);
  return kept.every(({ from }, i) => i === 0 || from >= kept[i - 1]!.to + LABEL_GAP)
    ? kept
    : clearLabels(labels, every + 1);
};
