// What keeps experts evenly used, and what can be seen of it: terms added to the training loss, DeepSeek-V3's bias of the
// choice, and metrics. With c_e = (assignments to expert e) · E / (all assignments) and P_e the mean of a token's share for
// e, a balance term is weight · Σ_e c_e P_e: `weight` itself when all are used alike, arXiv 2101.03961, eq. 4. No gradient
// flows through c.
// Legend: B sequences, T positions, N = B·T tokens, E experts, k picks of a token.
import { InternalError } from "../../diagnostics/types.ts";
import type { Dim, Node } from "../../ir/types.ts";
import { number } from "../../model/config.ts";
import type { LayerName } from "../../model/parameters.ts";
import {
  add,
  dim,
  div,
  mul,
  reshape,
  scalar,
  square,
  stopGradient,
  sub,
  sumAll,
} from "../../model/ops.ts";
import type { Cell, Stage } from "../../model/sites.ts";
import type { DecoderSpec } from "../../semantics/spec.ts";
import { balanceTerms, type Mixture } from "./config.ts";
import { selectionBias, type Routing } from "./router.ts";

const sumOver = ({ b }: Stage, x: Node, ...axes: readonly number[]): Node =>
  b.emit("reduceSum", [x], { axes, keepDims: false });
const meanOver = ({ b }: Stage, x: Node, ...axes: readonly number[]): Node =>
  b.emit("reduceMean", [x], { axes, keepDims: false });
/** Assignments to each expert: f32 [E]. */
export const loadOf = (stage: Stage, { member }: Routing): Node =>
  stopGradient(stage.b, sumOver(stage, member, 0, 1));

/** E · Σ_e (load_e / Σ load) · share_e over the last axis of f32 [..., E]; a mean over what stands before it. */
const evenness = (stage: Stage, load: Node, share: Node): Node => {
  const { b } = stage;
  const last = load.type.shape.length - 1;
  const E = load.type.shape[last]!.size;
  const total = b.emit("reduceSum", [load], { axes: [last], keepDims: true });
  const products = mul(b, mul(b, div(b, load, total), E), share);
  const each = sumOver(stage, products, last);
  return last === 0 ? each : meanOver(stage, each, ...each.type.shape.map((_d, axis) => axis));
};

type Term = (cell: Cell, site: string, routing: Routing, sequences: number) => Node;

const terms: Readonly<Record<string, Term>> = {
  /** Each sequence on its own, arXiv 2412.19437, eq. 17-20. */
  sequence: (cell, _site, { member, shares }, sequences) => {
    const { b } = cell;
    const [N, k, E] = member.type.shape as readonly [Dim, Dim, Dim];
    const [B, T] = [dim("batch", sequences), dim("seq", N.size / sequences)];
    const load = sumOver(cell, stopGradient(b, reshape(b, member, [B, T, k, E])), 1, 2); // [B, E]
    return evenness(cell, load, meanOver(cell, reshape(b, shares, [B, T, E]), 1));
  },
  /** All tokens of a pass. */
  batch: (cell, _site, routing) =>
    evenness(cell, loadOf(cell, routing), meanOver(cell, routing.shares, 0)),
  /** Loads of all passes of the update so far, arXiv 2501.11873, section 3. */
  global: (cell, site, routing) => {
    const load = cell.tally({ name: `${site}.load`, node: loadOf(cell, routing) });
    return evenness(cell, load, meanOver(cell, routing.shares, 0));
  },
};

/** The bias goes up by `rate` for experts with less than the mean load of the update, and down for those with more. */
export const correctBias = (cell: Cell, name: LayerName, rate: number, load: Node): void => {
  const { b } = cell;
  const bias = selectionBias(cell, name, load.type.shape[0]!);
  cell.tally({
    name: `${name.path}.load`,
    node: load,
    settle: (total) => {
      const excess = sub(b, meanOver(cell, total, 0), total);
      const step = (op: "greater" | "less"): Node =>
        b.emit("cast", [b.emit(op, [excess, scalar(b, 0)], {})], { dtype: "f32" });
      const sign = sub(b, step("greater"), step("less"));
      return [{ state: `${name.path}.bias`, node: add(b, bias, mul(b, sign, rate)) }];
    },
  });
};

/** What routers leave for the term over the tokens of all layers. */
const [LOAD, SHARE] = ["balance.load", "balance.share"];
const note = ({ effects }: Cell, name: string, node: Node): void =>
  void effects.notes.set(name, [...(effects.notes.get(name) ?? []), node]);

/** The tokens of all layers together, as `load_balancing_loss_func` of transformers has it, but 1 when balanced, not k. */
export const balanceOfModel = (stage: Stage, model: DecoderSpec): void => {
  const { b, effects } = stage;
  const [loads = [], shares = []] = [effects.notes.get(LOAD), effects.notes.get(SHARE)];
  const term = model.blocks
    .flatMap(({ ffn }) => balanceTerms(ffn))
    .find(({ is }) => is === "model");
  if (term === undefined || loads.length === 0) return;
  b.at("balance", undefined, () => {
    const sum = (nodes: readonly Node[]): Node => nodes.reduce((x, y) => add(b, x, y));
    const mean = mul(b, sum(shares), 1 / shares.length);
    const node = mul(b, evenness(stage, sum(loads), mean), number(term, "weight"));
    effects.losses.push({ name: "model_balance", node });
  });
};

/** One use of a router: its terms and metrics. `site`: "blocks.3.ffn", or "blocks.3.ffn.1" for one of several. */
export const balance = (
  cell: Cell,
  mixture: Mixture,
  site: string,
  routing: Routing,
  sequences: number,
): void => {
  const { b, effects } = cell;
  b.at("balance", undefined, () => {
    const load = loadOf(cell, routing);
    for (const term of mixture.balance) {
      if (term.is === "bias") continue;
      const weight = number(term, "weight");
      if (term.is === "model") {
        note(cell, LOAD, load);
        note(cell, SHARE, meanOver(cell, routing.shares, 0));
        continue;
      }
      const make = terms[term.is];
      if (make === undefined) throw new InternalError(`no balance term ${term.is}`);
      const node = mul(b, make(cell, site, routing, sequences), weight);
      effects.losses.push({ name: `${site}.${term.is}_balance`, node });
    }
    if (mixture.zLoss !== null) {
      // arXiv 2202.08906, eq. 5
      const z = b.emit("logSumExp", [routing.logits], {}); // [N]
      const node = mul(b, meanOver(cell, square(b, z), 0), mixture.zLoss);
      effects.losses.push({ name: `${site}.z_loss`, node });
    }
    const logs = b.emit("log", [add(b, routing.shares, 1e-20)], {});
    const entropy = meanOver(cell, sumOver(cell, mul(b, routing.shares, logs), 1), 0);
    effects.metrics.push({ name: `${site}.entropy`, node: mul(b, entropy, -1) });
    effects.metrics.push({ name: `${site}.load`, node: div(b, load, sumAll(b, load)) });
  });
};
