// What an evaluation program sums, by hand: four images of which one does not count, three classes, three heads.
import { expect, it } from "vitest";
import { createBuilder } from "../ir/builder.ts";
import { evaluateNodes } from "../ir/evaluate.ts";
import { toType } from "../ir/ops/row.ts";
import type { DType } from "../ir/types.ts";
import { evaluationOf } from "./evaluation.ts";
import { dim } from "./ops.ts";

const IGNORED = -100;
// logits as logarithms of probabilities, so that losses are read off; rows of images
const log = (rows: readonly (readonly number[])[]): readonly number[] => rows.flat().map(Math.log);
const HEADS = [
  log([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.2, 0.5, 0.3], [0.8, 0.1, 0.1]]), // chooses 0 1 1 0
  log([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.1, 0.8, 0.1]]), // chooses 0 1 2 1
  log([[0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.4, 0.3, 0.3], [0.1, 0.1, 0.8]]), // chooses 1 1 0 2
]; // prettier-ignore
const WHOLE = log([
  [0.5, 0.4, 0.1],
  [0.1, 0.7, 0.2],
  [0.2, 0.3, 0.5],
  [0.6, 0.2, 0.2],
]); // chooses 0 1 2 0
const TARGETS = [0, 2, 2, IGNORED];

const run = (
  heads: readonly (readonly number[])[],
  classes: boolean,
  dtype: DType = "f32",
): Record<string, number[]> => {
  const b = createBuilder();
  const shape = [dim("batch", 4), dim("classes", 3)];
  const input = (name: string) =>
    toType(b, b.emit("input", [], { name, dtype: "f32", shape }), dtype);
  const logits = input("whole");
  const targets = b.emit("input", [], { name: "targets", dtype: "i32", shape: [shape[0]!] });
  const trained = heads.map((_, i) => input(`head ${i}`));
  const parts = { word: "heads", combined: "" };
  const outputs = evaluationOf(b, { logits, trained, loss: "mean", parts }, targets, classes);
  const inputs = {
    ...{ whole: WHOLE, targets: TARGETS },
    ...Object.fromEntries(heads.map((values, i) => [`head ${i}`, values])),
  };
  for (const { node } of outputs) expect(node.type.dtype).toBe("f32");
  const found = evaluateNodes(outputs.map(({ node }) => node), { inputs, state: {} }); // prettier-ignore
  return Object.fromEntries(outputs.map(({ name, node }) => [name, [...found.get(node)!]]));
};
const close = (found: number[] | undefined, wanted: readonly number[]): void => {
  expect(found).toHaveLength(wanted.length);
  wanted.forEach((x, i) => expect(found![i]).toBeCloseTo(x, 12));
};
/** Of the probabilities given to the right classes. */
const nats = (...probabilities: readonly number[]): number =>
  -probabilities.reduce((sum, p) => sum + Math.log(p), 0);

it("loss, accuracy and confidence of the whole", () => {
  const found = run([], true);
  close(found["count"], [3]);
  close(found["loss_sum"], [nats(0.5, 0.2, 0.5)]);
  close(found["sums/accuracy"], [2]); // of 0 1 2, wanted 0 2 2
  close(found["each/confidence"], [0.5, 0.7, 0.5, 0.6]);
  close(found["each/correct"], [1, 0, 1, 0]); // the last does not count
  expect(Object.keys(found)).toHaveLength(5);
});
it("loss and accuracy of each head, and how far they part", () => {
  const found = run(HEADS, true);
  close(found["sums/heads/0/loss"], [nats(0.7, 0.3, 0.3)]);
  close(found["sums/heads/1/loss"], [nats(0.6, 0.3, 0.7)]);
  close(found["sums/heads/2/loss"], [nats(0.3, 0.1, 0.3)]);
  close(found["sums/heads/0/accuracy"], [1]);
  close(found["sums/heads/1/accuracy"], [2]);
  close(found["sums/heads/2/accuracy"], [0]);
  // image 0: 2 of 3 pairs differ; image 1: none; image 2: all; the fourth does not count
  close(found["sums/disagreement"], [2 / 3 + 1]);
});
it("heads that always agree, and heads that never do", () => {
  close(run([HEADS[0]!, HEADS[0]!], true)["sums/disagreement"], [0]);
  const turned = log([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1], [0.5, 0.2, 0.3], [0.1, 0.1, 0.8]]); // prettier-ignore
  close(run([HEADS[0]!, turned], true)["sums/disagreement"], [3]);
});
it("a language model that speaks alone is measured by its loss", () => {
  expect(Object.keys(run([WHOLE], false))).toEqual(["loss_sum", "count"]);
  expect(Object.keys(run(HEADS, false))).toContain("sums/disagreement");
});
it("of logits in bf16, as of what they round to", () => {
  const [exact, rounded] = [run(HEADS, true), run(HEADS, true, "bf16")];
  expect(Object.keys(rounded)).toEqual(Object.keys(exact));
  for (const [name, values] of Object.entries(exact))
    values.forEach((x, i) => expect(Math.abs(rounded[name]![i]! - x)).toBeLessThan(0.02));
});
