// What a recipe measures on some of its steps. The programs of such a step are those of any other with more outputs; what
// they give is of the whole batch, whether it goes through the model at once or in passes.
// Legend: x [B, T, D] the residual stream at a place, P passes of an update.
import { toType } from "../ir/ops/row.ts";
import type { Builder, Graph, Node } from "../ir/types.ts";
import type { RecipeSpec } from "../semantics/spec.ts";
import { add, globalNorm, meanAll, mul, scalar, sqrt, square, sub, sumAll } from "./ops.ts";
import type { GradEntry } from "./sites.ts";
import type { Effects, Point } from "./effects.ts";
import { tallyIn, type Turn } from "./tallies.ts";
import type { Forward } from "./body.ts";

type Outputs = Graph["outputs"];
/** A program under construction. */
interface Program {
  readonly b: Builder;
  readonly forward: Pick<Forward, "hidden">;
  readonly effects: Effects;
}
export type Measure = "activation_variance" | "activation_gradient_norm" | "gradient_norm";

export const measures = ({ probes }: RecipeSpec, measure: Measure): boolean => {
  const words = probes?.["measure"];
  return Array.isArray(words) && words.includes(measure);
};

/** "probes/<measure>/<place>" */
export const probeName = (measure: string, place: string): string => `probes/${measure}/${place}`;

/**
 * Where the stream is looked at, in the order of the data: after the embedding, after each block, and where else a method asks;
 * each value once.
 */
export const pointsOf = ({ forward, effects }: Omit<Program, "b">): readonly Point[] => {
  const each = new Map([...effects.points, ...forward.hidden].map((point) => [point.node, point]));
  return [...each.values()].sort((x, y) => x.node.id - y.node.id);
};

/** The sum over all passes; in a pass, so far. */
const summed = ({ b, effects }: Program, turn: Turn, name: string, node: Node): Node =>
  tallyIn(b, effects, turn, { name, node });

/** Of equal passes: the mean of their variances, and the variance of their means. */
const variance = (program: Program, turn: Turn, passes: number, name: string, x: Node): Node => {
  const { b } = program;
  const mean = meanAll(b, x);
  const own = meanAll(b, square(b, sub(b, x, mean)));
  if (turn === "whole") return own;
  const over = (part: string, node: Node): Node =>
    mul(b, summed(program, turn, `${name}/${part}`, node), 1 / passes);
  const between = sub(b, over("mean_square", square(b, mean)), square(b, over("mean", mean)));
  return add(b, over("variance", own), between);
};

/** What the stream is measured by. `atPoints` are gradients at its points, which an update has before its end. */
export const measuredStream = (
  program: Program,
  recipe: RecipeSpec,
  turn: Turn,
  points: readonly Point[],
  atPoints: readonly Node[],
): Outputs => {
  const { b } = program;
  const passes = recipe.batch.value / recipe.micro.value;
  const wide = (x: Node): Node => toType(b, x, "f32");
  const variances = (): Outputs =>
    points.map(({ place, node }) => {
      const name = probeName("activation_variance", place);
      return { name, node: variance(program, turn, passes, name, wide(node)) };
    });
  /** The loss of the batch is the mean over its passes, and so is its gradient. */
  const norms = (): Outputs =>
    points.map(({ place }, i) => {
      const name = probeName("activation_gradient_norm", place);
      const grad = atPoints[i];
      const own =
        grad === undefined ? scalar(b, 0) : sumAll(b, square(b, mul(b, wide(grad), 1 / passes)));
      return { name, node: sqrt(b, summed(program, turn, name, own)) };
    });
  const outputs = b.at("probes", undefined, () => [
    ...(measures(recipe, "activation_variance") ? variances() : []),
    ...(measures(recipe, "activation_gradient_norm") ? norms() : []),
  ]);
  return turn === "pass" ? [] : outputs;
};

/** "blocks.3.attention.q.weight" -> "blocks.3"; "final_norm.weight" -> "final_norm". */
const placeOf = (parameter: string): string =>
  /^(?:.*\.)?blocks\.\d+/.exec(parameter)?.[0] ??
  parameter.slice(0, Math.max(0, parameter.lastIndexOf(".")));

/** Of the weights, by place. */
export const measuredGradients = (
  { b }: Program,
  recipe: RecipeSpec,
  grads: readonly GradEntry[],
): Outputs => {
  if (!measures(recipe, "gradient_norm")) return [];
  const places = new Map<string, Node[]>();
  for (const { name, grad } of grads) {
    const place = placeOf(name);
    places.set(place, [...(places.get(place) ?? []), grad]);
  }
  return b.at("probes", undefined, () =>
    [...places].map(([place, nodes]) => ({
      name: probeName("gradient_norm", place),
      node: globalNorm(b, nodes),
    })),
  );
};
