// Learning-rate schedules as scalar expressions of the update's number k, counted from 1; s = k - 1 as schedulers count, so
// the first update of a warm-up has rate 0. Legend: W warm-up, N updates, r floor (fraction of the peak).
import type { ScalarExpr } from "../../bundle/manifest.ts";
import { add, cos, div, less, min, mul, step, sub } from "../../bundle/scalar.ts";
import { InternalError } from "../diagnostics/types.ts";
import type { Quantity, Variant } from "../semantics/spec.ts";
import { number, quantities, quantity } from "./config.ts";

/** Steps of a length given in steps or as a fraction of the whole. */
const stepsOf = (q: Quantity, total: number): number =>
  q.unit === "%" ? Math.floor(q.value * total) : q.value;

/**
 * The factor of the peak rate at update k; 0 … 1. `cosine`: arXiv 1608.03983, eq. 5, without restarts, between 1 and the floor;
 * `wsd`: arXiv 2404.06395, with a linear decay.
 */
export const schedule = (spec: Variant, totalSteps: number): ScalarExpr => {
  const s = sub(step, 1);
  const warmup = stepsOf(quantity(spec, "warmup"), totalSteps);
  const rest = Math.max(1, totalSteps - warmup);
  /** 0 at the end of the warm-up, 1 after the last update. */
  const progress = min(1, div(sub(s, warmup), rest));
  const warmed = (after: ScalarExpr): ScalarExpr =>
    warmup === 0 ? after : less(s, warmup, div(s, warmup), after);
  const between = (floor: number, share: ScalarExpr): ScalarExpr =>
    add(floor, mul(1 - floor, share));
  switch (spec.is) {
    case "constant":
      return warmed(1);
    case "linear":
      return warmed(between(number(spec, "floor"), sub(1, progress)));
    case "cosine":
      return warmed(between(number(spec, "floor"), mul(0.5, add(1, cos(mul(Math.PI, progress))))));
    case "wsd": {
      const decay = Math.max(1, stepsOf(quantity(spec, "decay"), totalSteps));
      const left = sub(1, min(1, div(sub(s, totalSteps - decay), decay)));
      return warmed(less(s, totalSteps - decay, 1, between(number(spec, "floor"), left)));
    }
    case "multi_step": {
      const factor = number(spec, "factor");
      const falls = quantities(spec, "at").map((at) => less(s, stepsOf(at, totalSteps), 1, factor));
      return warmed(falls.reduce((x, y) => mul(x, y)));
    }
    default:
      throw new InternalError(`no schedule ${spec.is}`);
  }
};
