// NeuroTrails, arXiv 2505.17909: a trunk, then heads that each go their own way and answer together. README.md says what of
// the paper is here and where the authors' code differs from it.
import { unnamed } from "../../ir/shape.ts";
import type { Builder, Node } from "../../ir/types.ts";
import { add, exp, log, maximum, mul, reshape, sub } from "../../model/ops.ts";
import type { Answer, Body } from "../../model/sites.ts";
import type { ModelSpec } from "../../semantics/spec.ts";
import type { Feature } from "../feature.ts";
import { trailsOf, type Ensemble, type Split, type Trails } from "./config.ts";
import { vocabulary } from "./vocabulary.ts";

const reduce = (nodes: readonly Node[], join: (x: Node, y: Node) => Node): Node =>
  nodes.slice(1).reduce(join, nodes[0]!);

/** log softmax over the last axis. */
const logProbabilities = (b: Builder, logits: Node): Node => {
  const row = b.emit("logSumExp", [logits], {});
  return sub(b, logits, reshape(b, row, [...row.type.shape, unnamed(1)]));
};

/** The heads' logits [..., V] -> those of the whole [..., V]. */
export const combine = (b: Builder, how: Trails["combine"], logits: readonly Node[]): Node => {
  if (logits.length === 1) return logits[0]!;
  const mean = (parts: readonly Node[]): Node =>
    mul(b, reduce(parts, (x, y) => add(b, x, y)), 1 / parts.length); // prettier-ignore
  if (how === "mean_logits") return mean(logits);
  // log of the mean of e^x, the largest x taken out of the sum
  const each = logits.map((z) => logProbabilities(b, z));
  const top = reduce(each, (x, y) => maximum(b, x, y));
  return add(b, top, log(b, mean(each.map((x) => exp(b, sub(b, x, top))))));
};

const inWords: Readonly<Record<Trails["combine"], string>> = {
  mean_logits: "mean of logits",
  mean_probabilities: "mean of probabilities",
};

type Word = "heads" | "members";
const answerOf = (
  b: Builder,
  word: Word,
  how: Trails["combine"],
  loss: Trails["loss"],
  trained: readonly Node[],
): Answer => ({
  ...{ logits: combine(b, how, trained), trained, loss },
  parts: { word, combined: inWords[how] },
});

/** One head needs no name of its own: it is the model. */
const branches = (word: Word, count: number): readonly string[] =>
  count === 1 ? [""] : Array.from({ length: count }, (_, i) => `${word}.${i}.`);

const split =
  ({ heads, blocksInHead, finalNorm, lastBatchNorm, combine: how, loss }: Split): Body =>
  (parts) => {
    const { b, depth } = parts;
    const trunk = parts.blocks(parts.stem(""), 0, depth - blocksInHead, "");
    const trained = branches("heads", heads).map((head) => {
      const last = parts.blocks(trunk, depth - blocksInHead, depth, head);
      const norm = lastBatchNorm === "shared" ? "" : head;
      const once = parts.finalNorm(last, norm);
      return parts.head(finalNorm === "twice" ? parts.finalNorm(once, norm) : once, head);
    });
    return answerOf(b, "heads", how, loss, trained);
  };

const ensemble =
  ({ members, combine: how, loss }: Ensemble): Body =>
  (parts) => {
    const trained = branches("members", members).map((member) => {
      const last = parts.blocks(parts.stem(member), 0, parts.depth, member);
      return parts.head(parts.finalNorm(last, member), member);
    });
    return answerOf(parts.b, "members", how, loss, trained);
  };

export const neurotrails: Feature = {
  name: "neurotrails",
  paper: {
    title: "NeuroTrails: Training with Dynamic Sparse Heads as the Key to Effective Ensembling",
    arxiv: "2505.17909",
  },
  vocabulary,
  bodyOf: (model: ModelSpec) => {
    const trails = trailsOf(model);
    if (trails === undefined) return undefined;
    return trails.kind === "split" ? split(trails) : ensemble(trails);
  },
};
