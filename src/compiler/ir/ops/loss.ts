// Cross entropy over large vocabularies: the logits [N, V] are the largest tensor of a step, so the loss keeps no second
// copy of them. Its gradient is one elementwise expression of logits and their log-sum-exp.
// Legend: N rows, V vocabulary.
import { sameSizes, showType, tensor, unnamed } from "../shape.ts";
import type { Builder, Node, OpTable, TensorType } from "../types.ts";
import { byRow, logSumExp } from "./loops.ts";
import { elementCost, fault, isFloat, none, type Fault } from "./row.ts";

const sub = (b: Builder, x: Node, y: Node): Node => b.emit("sub", [x, y], none);
const mul = (b: Builder, x: Node, y: Node): Node => b.emit("mul", [x, y], none);
const column = (b: Builder, x: Node): Node =>
  b.emit("reshape", [x], { shape: [...x.type.shape, unnamed(1)] });
const oneHot = (b: Builder, targets: Node, logits: Node): Node =>
  b.emit("oneHot", [targets], { depth: logits.type.shape[1]! });
/** (targets ≠ ignore) as f32 [N]. */
const counted = (b: Builder, targets: Node, ignored: number): Node => {
  const ignore = b.emit("full", [], { dtype: "i32", shape: [], value: ignored });
  const is = b.emit("equal", [targets, ignore], none);
  return b.emit("cast", [b.emit("not", [is], none)], { dtype: "f32" });
};

const inferLoss = (logits: TensorType, targets: TensorType): TensorType | Fault =>
  isFloat(logits.dtype) &&
  logits.shape.length === 2 &&
  targets.dtype === "i32" &&
  sameSizes(targets.shape, logits.shape.slice(0, 1))
    ? tensor("f32", targets.shape)
    : fault(`logits ${showType(logits)}, targets ${showType(targets)}`);

export const losses: Pick<OpTable, "crossEntropy" | "crossEntropyGrad"> = {
  crossEntropy: {
    doc: "-log softmax(logits) at the target, 0 where the target is `ignore`; logits [N, V], targets i32 [N] -> f32 [N]",
    kind: "composite",
    infer: ([logits, targets]) => inferLoss(logits, targets),
    expand: (b, node) => {
      const [logits, targets] = node.inputs;
      const hot = oneHot(b, targets, logits);
      const picked = b.emit("reduceSum", [mul(b, hot, logits)], { axes: [1], keepDims: false });
      const surprise = sub(b, b.emit("logSumExp", [logits], none), picked);
      return mul(b, counted(b, targets, node.attrs.ignore), surprise);
    },
    grad: (b, node, dy) => [b.emit("crossEntropyGrad", [...node.inputs, dy], node.attrs), null],
    evaluate: ([logits, targets], node) =>
      byRow(logits, node.inputs[0].type.shape[1]!.size, (row, n) => [
        targets[n] === node.attrs.ignore ? 0 : logSumExp(row) - row[targets[n]!]!,
      ]),
    cost: (node) => elementCost(6)(node.inputs[0]),
    samples: [
      { inputs: ["f32[n=4,v=5]", "i32[n=4]"], attrs: { ignore: 2 }, values: ["any", "ids<5"] },
    ],
  },
  crossEntropyGrad: {
    doc: "the gradient of crossEntropy at its logits, (softmax(logits) - onehot(targets)) · dy, 0 where the target is `ignore`, in their type; dy f32 [N]",
    kind: "composite",
    infer: ([logits, targets, dy]) => {
      const loss = inferLoss(logits, targets);
      if ("fault" in loss) return loss;
      return sameSizes(dy.shape, loss.shape) ? logits : fault(`gradient ${showType(dy)}`);
    },
    expand: (b, node) => {
      const [logits, targets, dy] = node.inputs;
      const lse = column(b, b.emit("logSumExp", [logits], none));
      const softmax = b.emit("exp", [sub(b, logits, lse)], none);
      const weight = column(b, mul(b, dy, counted(b, targets, node.attrs.ignore)));
      return mul(b, sub(b, softmax, oneHot(b, targets, logits)), weight);
    },
    grad: "expand",
    evaluate: ([logits, targets, dy], node) =>
      byRow(logits, node.type.shape[1]!.size, (row, n) => {
        const all = logSumExp(row);
        const weight = targets[n] === node.attrs.ignore ? 0 : dy[n]!;
        return row.map((v, i) => (Math.exp(v - all) - (i === targets[n] ? 1 : 0)) * weight);
      }),
    cost: elementCost(6),
    samples: [
      {
        inputs: ["f32[n=4,v=5]", "i32[n=4]", "f32[n=4]"],
        attrs: { ignore: 2 },
        values: ["any", "ids<5", "any"],
      },
    ],
  },
};
