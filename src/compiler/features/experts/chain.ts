// Mixtures in a row over the same experts, and what each adds to: moe(...) is a chain of one.
// Legend: B sequences, T positions, D hidden size, N = B·T tokens, C iterations.
import { InternalError } from "../../diagnostics/types.ts";
import type { Dim, Node } from "../../ir/types.ts";
import { variant } from "../../model/config.ts";
import type { LayerName } from "../../model/parameters.ts";
import { add, dim, reshape } from "../../model/ops.ts";
import type { Cell } from "../../model/sites.ts";
import type { Variant } from "../../semantics/spec.ts";
import { balance, correctBias, loadOf } from "./balance.ts";
import { biasRate, type Mixture, type Router } from "./config.ts";
import { expertsOf, sharedExpert, withCapacity } from "./experts.ts";
import { route, type Routing } from "./router.ts";

/**
 * What is added, for the layer's input x₀ and the stream h around the block's norm: `inner` x_t = M(x_{t-1}) + x_{t-1}, and
 * h is left out; `outer` h + x_C with x_t = M(x_{t-1}); `both`; `none`; `init` x_t = M(x_{t-1}) + x₀, and h is left out.
 */
const RESIDUALS = ["inner", "outer", "both", "none", "init"] as const;
export type Residual = (typeof RESIDUALS)[number];
export const residualOf = (spec: Variant): Residual => {
  const { is } = variant(spec, "residual");
  const known = RESIDUALS.find((residual) => residual === is);
  if (known === undefined) throw new InternalError(`no residual ${is}`);
  return known;
};
/** Whether the layer stands in place of the stream instead of being added to it. */
export const replacesStream = (spec: Variant): boolean =>
  !["outer", "both"].includes(residualOf(spec));

export interface Iteration {
  readonly router: LayerName;
  /** Of its losses and metrics: "blocks.3.ffn", or "blocks.3.ffn.1" for one of several. */
  readonly site: string;
  /** Goes on with the choice and the gates of the first iteration. */
  readonly reuse: boolean;
}

/** Routed and shared experts of the state x [N, D]. */
const mixtureAt = (
  cell: Cell,
  mixture: Mixture,
  visits: number,
  routing: Routing,
  site: string,
  x: Node,
): Node => {
  const { b, effects } = cell;
  let chosen: Pick<Routing, "picks" | "gates"> = routing;
  // Only training drops: elsewhere a token's result would depend on others of its pass, later ones included.
  if (mixture.capacity !== null && cell.training) {
    const { dropped, ...fitting } = withCapacity(cell, mixture, mixture.capacity, routing);
    effects.metrics.push({ name: `${site}.dropped`, node: dropped });
    chosen = fitting;
  }
  const routed = expertsOf(cell, mixture, visits, chosen, x);
  return mixture.shared === 0 ? routed : add(b, routed, sharedExpert(cell, mixture, x));
};

/** x [B, T, D] -> [B, T, D] */
export const chainOf = (
  cell: Cell,
  mixture: Mixture,
  router: Router,
  residual: Residual,
  iterations: readonly Iteration[],
  x: Node,
): Node => {
  const { b } = cell;
  const [B, T, D] = x.type.shape as readonly [Dim, Dim, Dim];
  const first = reshape(b, x, [dim("tokens", B.size * T.size), D]);
  const loads = new Map<string, { readonly name: LayerName; readonly load: Node }>();
  const visits = iterations.length * mixture.topK;
  let state = first;
  let routing: Routing | undefined;
  for (const { router: name, site, reuse } of iterations) {
    if (routing === undefined || !reuse) {
      routing = route(cell, mixture, router, name, state);
      balance(cell, mixture, site, routing, B.size);
      const before = loads.get(name.path)?.load;
      const load = loadOf(cell, routing);
      loads.set(name.path, { name, load: before === undefined ? load : add(b, before, load) });
    }
    const made = mixtureAt(cell, mixture, visits, routing, site, state);
    if (residual === "inner" || residual === "both") state = add(b, made, state);
    else state = residual === "init" ? add(b, made, first) : made;
  }
  const rate = biasRate(mixture);
  if (rate !== undefined)
    for (const { name, load } of loads.values()) correctBias(cell, name, rate, load);
  return reshape(b, state, [B, T, D]);
};
