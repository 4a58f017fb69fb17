// Which parameters the rules of a recipe's `sparsity` take.
import type { ParameterShape } from "./schema.ts";
import { matchSelector } from "./selectors.ts";
import type { RuleSpec } from "./spec.ts";

/** Matrices and kernels; a vector has a number for each channel, and none to spare. */
const hasWeights = ({ shape, trained }: ParameterShape): boolean => trained && shape.length >= 2;

export interface SparseRule<P> {
  readonly rule: RuleSpec;
  /** What it takes, all of it, and those of it that can be sparse. */
  readonly taken: readonly P[];
  readonly weights: readonly P[];
}
/** The rules but those that leave all there is, in order; the first that matches a parameter takes it. */
export const sparseRules = <P extends ParameterShape>(
  sparsity: readonly RuleSpec[],
  parameters: readonly P[],
  blockCount: number,
): readonly SparseRule<P>[] =>
  sparsity
    .map((rule): SparseRule<P> => {
      const taken = parameters.filter(
        ({ name }) =>
          sparsity.find(({ selector }) => matchSelector(selector, name, blockCount)) === rule,
      );
      return { rule, taken, weights: taken.filter(hasWeights) };
    })
    .filter(({ rule }) => rule.value.is !== "none");
