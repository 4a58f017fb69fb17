// What an evaluation program gives: the loss of the whole, and, where answers are classes or several heads speak, how often they
// are right, how sure they are and how far heads part. Sums over the targets, so that batches add up.
import { IGNORED } from "../../bundle/targets.ts";
import { toType } from "../ir/ops/row.ts";
import { count as sizeOf } from "../ir/shape.ts";
import type { Builder, Graph, Node } from "../ir/types.ts";
import { add, dim, mul, reshape, scalar, sub, sumAll } from "./ops.ts";
import type { Answer } from "./sites.ts";
import { lossSum } from "./training.ts";

/** Answers [..., V] as rows [N, V]. */
const rowsOf = (b: Builder, logits: Node): Node => {
  const V = logits.type.shape.at(-1)!;
  return reshape(b, logits, [dim("answers", sizeOf(logits.type) / V.size), V]);
};
/** The place of the largest logit, the first of equal ones: i32 [N]. */
const choiceOf = (b: Builder, rows: Node): Node =>
  reshape(b, b.emit("topK", [rows], { k: dim("", 1) }), [rows.type.shape[0]!]);
const asFloat = (b: Builder, truth: Node): Node => b.emit("cast", [truth], { dtype: "f32" });

/** "heads/1", as metrics name what is measured of one of several answers. */
export const partName = ({ parts }: Pick<Answer, "parts">, i: number): string =>
  `${parts?.word ?? "answers"}/${i}`;

export const evaluationOf = (
  b: Builder,
  answer: Answer,
  targets: Node,
  classes: boolean,
): Graph["outputs"] => {
  const { sum, count } = lossSum(b, answer.logits, targets);
  const losses = [
    { name: "loss_sum", node: sum },
    { name: "count", node: count },
  ];
  const several = answer.trained.length > 1;
  if (!classes && !several) return losses;

  const N = dim("answers", sizeOf(targets.type));
  const wanted = reshape(b, targets, [N]);
  const counts = asFloat(
    b,
    b.emit("not", [b.emit("equal", [wanted, scalar(b, IGNORED, "i32")], {})], {}),
  );
  const right = (choice: Node): Node =>
    mul(b, counts, asFloat(b, b.emit("equal", [choice, wanted], {})));

  const rows = toType(b, rowsOf(b, answer.logits), "f32");
  const correct = right(choiceOf(b, rows));
  const top = b.emit("reduceMax", [rows], { axes: [1], keepDims: false });
  // the largest probability
  const confidence = b.emit("exp", [sub(b, top, b.emit("logSumExp", [rows], {}))], {});
  const whole = [
    ...losses,
    { name: "sums/accuracy", node: sumAll(b, correct) },
    { name: "each/confidence", node: confidence },
    { name: "each/correct", node: correct },
  ];
  if (!several) return whole;

  const choices = answer.trained.map((logits) => choiceOf(b, rowsOf(b, logits)));
  const parts = answer.trained.flatMap((logits, i) => [
    { name: `sums/${partName(answer, i)}/loss`, node: lossSum(b, logits, targets).sum },
    { name: `sums/${partName(answer, i)}/accuracy`, node: sumAll(b, right(choices[i]!)) },
  ]);
  // the mean over pairs of heads of how often they choose differently
  const pairs = choices.flatMap((x, i) => choices.slice(i + 1).map((y) => [x, y] as const));
  const differing = pairs
    .map(([x, y]) => asFloat(b, b.emit("not", [b.emit("equal", [x, y], {})], {})))
    .reduce((all, differ) => add(b, all, differ));
  const disagreement = sumAll(b, mul(b, counts, mul(b, differing, 1 / pairs.length)));
  return [...whole, ...parts, { name: "sums/disagreement", node: disagreement }];
};
