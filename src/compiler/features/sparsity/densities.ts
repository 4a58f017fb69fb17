// How the weights that a budget pays for are shared out among matrices and kernels.
import type { ParameterShape } from "../../semantics/schema.ts";

export const distributions = ["erk", "er", "uniform"] as const;
export type Distribution = (typeof distributions)[number];

type Sizes = Pick<ParameterShape, "shape" | "count">;
const product = (sizes: readonly number[]): number => sizes.reduce((n, size) => n * size, 1);
const sum = (numbers: readonly number[]): number => numbers.reduce((all, x) => all + x, 0);

/** What the density of a tensor is proportional to, s its sizes. */
const scores: Readonly<Record<Distribution, (shape: readonly number[]) => number>> = {
  /** Σ s / Π s: arXiv 1911.11134, section 3 */
  erk: (s) => sum(s) / product(s),
  /** The same of channels alone: arXiv 1707.04780, equation 3 */
  er: (s) => sum(s.slice(0, 2)) / product(s.slice(0, 2)),
  uniform: () => 1,
};

/**
 * Densities δ of tensors with n numbers each, such that Σ δ·n = density · Σ n: δ = ε · score, where those that would get more than
 * they have are whole, and ε is solved again for the others.
 */
export const densities = (
  how: Distribution,
  density: number,
  tensors: readonly Sizes[],
): readonly number[] => {
  const score = tensors.map(({ shape }) => scores[how](shape));
  const n = tensors.map(({ shape, count }) => count * product(shape));
  const whole = new Set<number>();
  while (density < 1) {
    const rest = [...n.keys()].filter((i) => !whole.has(i));
    const budget =
      sum(rest.map((i) => density * n[i]!)) - sum([...whole].map((i) => (1 - density) * n[i]!));
    const epsilon = budget / sum(rest.map((i) => score[i]! * n[i]!));
    const most = Math.max(...rest.map((i) => score[i]!));
    if (!(epsilon * most > 1)) return n.map((_, i) => (whole.has(i) ? 1 : epsilon * score[i]!));
    for (const i of rest) if (score[i] === most) whole.add(i);
  }
  return n.map(() => 1);
};
