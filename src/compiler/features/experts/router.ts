// Which experts a token goes to, and with what weight. A program of less precision keeps this part in f32 ("router" in the
// path says so): a rounded score flips choices.
// Legend: N tokens, D hidden size, E experts, k picks of a token, G groups of experts.
import type { Dim, Node } from "../../ir/types.ts";
import { initOf } from "../../model/layers.ts";
import type { LayerName } from "../../model/parameters.ts";
import {
  add,
  dim,
  div,
  matMul,
  mul,
  reshape,
  scalar,
  sigmoid,
  stopGradient,
} from "../../model/ops.ts";
import type { Cell } from "../../model/sites.ts";
import { biasRate, type Mixture, type Router } from "./config.ts";

export interface Routing {
  /** f32 [N, E] */
  readonly logits: Node;
  /** What a token gives to each expert, summing to 1: f32 [N, E]. */
  readonly shares: Node;
  /** i32 [N, k], the best first. */
  readonly picks: Node;
  /** 1 where a pick is an expert: f32 [N, k, E]. */
  readonly member: Node;
  /** f32 [N, k] */
  readonly gates: Node;
}

/** Keeps a division by the sum of the gates from 0/0 where all of them vanish. */
const TINY = 1e-20;
/** Below every score, so that no expert of a group that was left out is picked. */
const NEVER = -1e9;

const sumOver = ({ b }: Cell, x: Node, axis: number, keepDims = false): Node =>
  b.emit("reduceSum", [x], { axes: [axis], keepDims });
const topK = ({ b }: Cell, x: Node, k: number): Node => b.emit("topK", [x], { k: dim("picks", k) });
const oneHot = ({ b }: Cell, ids: Node, depth: Dim): Node => b.emit("oneHot", [ids], { depth });
/** Of the elements of each row that `member` [N, k, E] marks: x [N, E] -> [N, k]. */
const chosenOf = (cell: Cell, member: Node, x: Node): Node => {
  const [N, , E] = member.type.shape as readonly [Dim, Dim, Dim];
  return sumOver(cell, mul(cell.b, member, reshape(cell.b, x, [N, dim("", 1), E])), 2);
};

/** The state that DeepSeek-V3 adds to scores where it chooses, and only there, arXiv 2412.19437, eq. 16. */
export const selectionBias = ({ params }: Cell, name: LayerName, E: Dim): Node =>
  params.get({
    name: `${name.path}.bias`,
    diskName: `${name.disk}.e_score_correction_bias`,
    shape: [E],
    init: { kind: "constant", value: 0 },
    trained: false,
    role: "bias",
  });

/**
 * @param x f32 [N, D]
 * @param name of the router: "blocks.3.ffn.router"
 */
export const route = (
  cell: Cell,
  mixture: Mixture,
  router: Router,
  name: LayerName,
  x: Node,
): Routing =>
  cell.b.at("router", undefined, () => {
    const { b, model, params } = cell;
    const D = x.type.shape[1]!;
    const E = dim("experts", mixture.experts);
    const W = params.get({
      name: `${name.path}.weight`,
      diskName: `${name.disk}.weight`,
      shape: [D, E],
      transposed: true,
      init: initOf(router.init ?? model.init, D.size, E.size),
      role: "router",
    });
    const logits = matMul(b, x, W);
    const normalised = (y: Node): Node => div(b, y, add(b, sumOver(cell, y, 1, true), TINY));
    const isSoftmax = router.scores === "softmax";
    const scores = isSoftmax ? b.emit("softmax", [logits], {}) : sigmoid(b, logits);

    const stopped = stopGradient(b, scores);
    const ranked =
      biasRate(mixture) === undefined ? stopped : add(b, stopped, selectionBias(cell, name, E));
    const open = router.groups === null ? ranked : withinGroups(cell, router.groups, ranked);
    const picks = topK(cell, open, mixture.topK);
    const member = oneHot(cell, picks, E);
    const chosen = chosenOf(cell, member, scores);
    const gates = router.renormalise ? normalised(chosen) : chosen;
    return {
      logits,
      shares: isSoftmax ? scores : normalised(scores),
      picks,
      member,
      gates: router.scale === 1 ? gates : mul(b, gates, router.scale),
    };
  });

/**
 * Group-limited choice: only the experts of the `keep` best of G equal groups stay open. A group ranks by its best member
 * (DeepSeek-V2, arXiv 2405.04434, section 2.2.2) or by the sum of its two best (V3).
 */
const withinGroups = (
  cell: Cell,
  { count, keep, rank }: NonNullable<Router["groups"]>,
  ranked: Node,
): Node => {
  const { b } = cell;
  const [N, E] = ranked.type.shape as readonly [Dim, Dim];
  const [G, size] = [dim("groups", count), dim("", E.size / count)];
  const members = reshape(b, ranked, [dim("", N.size * count), size]);
  const best = topK(cell, members, rank === "best" ? 1 : 2);
  const marks = chosenOf(cell, oneHot(cell, best, size), members); // [N·G, 1 or 2]
  const order = reshape(b, sumOver(cell, marks, 1), [N, G]);
  const kept = sumOver(cell, oneHot(cell, topK(cell, order, keep), G), 1); // [N, G]
  const isOpen = b.emit("greater", [reshape(b, kept, [N, G, dim("", 1)]), scalar(b, 0)], {});
  const grouped = reshape(b, ranked, [N, G, size]);
  return reshape(b, b.emit("select", [isOpen, grouped, scalar(b, NEVER)], {}), [N, E]);
};
