// The recipe's choice of numbers, and what is built of a model in them.
import { InternalError } from "../diagnostics/types.ts";
import { toType } from "../ir/ops/row.ts";
import type { Builder, Node } from "../ir/types.ts";
import { inPrecision, type PrecisionPolicy } from "../passes/precision.ts";
import type { RecipeSpec } from "../semantics/spec.ts";
import type { Forward } from "./body.ts";
import { text } from "./config.ts";
import type { Effects } from "./effects.ts";

/** Parts of paths whose products stay f32: a router's choices hang on small differences. */
const exact: ReadonlySet<string> = new Set(["router"]);

/** undefined: f32 throughout, as a model without a recipe is. */
export const policyOf = (recipe: RecipeSpec | undefined): PrecisionPolicy | undefined => {
  if (recipe === undefined) return undefined;
  const { precision } = recipe;
  switch (precision.is) {
    case "f32":
      return undefined;
    case "bf16":
      return {
        products: "bf16",
        stream: text(precision, "residual") === "f32" ? "f32" : "bf16",
        exact,
      };
    default:
      throw new InternalError(`no precision ${precision.is}`);
  }
};

/** From nodes of the model as written to those in the policy's numbers. */
export const convert = (
  b: Builder,
  roots: readonly Node[],
  policy: PrecisionPolicy | undefined,
): ((node: Node) => Node) => {
  if (policy === undefined) return (node) => node;
  const low = inPrecision(b, roots, policy);
  return (node) => low.get(node)!;
};

interface Model {
  readonly forward: Forward;
  readonly effects: Effects;
}
/** Logits, block states and points as the policy has them; other effects leave the model, so they are f32. */
export const inNumbers = (
  b: Builder,
  { forward, effects }: Model,
  policy: PrecisionPolicy | undefined,
): Model => {
  const { logits, trained, hidden } = forward;
  const { losses, metrics, points, updates, tallied } = effects;
  const named = [...hidden, ...points, ...losses, ...metrics, ...updates, ...tallied].map(
    (e) => e.node,
  );
  const low = convert(b, [logits, ...trained, ...named], policy);
  const outside = <T extends { readonly node: Node }>(list: readonly T[]): T[] =>
    list.map((e) => ({ ...e, node: toType(b, low(e.node), "f32") }));
  const inside = <T extends { readonly node: Node }>(list: readonly T[]): T[] =>
    list.map((e) => ({ ...e, node: low(e.node) }));
  return {
    forward: {
      ...forward,
      logits: low(logits),
      trained: trained.map(low),
      hidden: inside(hidden),
    },
    effects: {
      ...effects,
      losses: outside(losses),
      metrics: outside(metrics),
      points: inside(points),
      updates: outside(updates),
      tallied: outside(tallied),
    },
  };
};
