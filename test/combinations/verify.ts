// What must hold of every combination: the checker takes it or says why not, and what it takes has the gradients that differences
// show.
import { expect } from "vitest";
import { check, type Part, type World } from "./models.ts";
import { numbersOf, slopesOf, type Slopes } from "./numbers.ts";

const TOLERANCE = 1e-6;

export const verify = (
  { textOf, refusedPairs }: World,
  parts: readonly Part[],
  training = false,
): void => {
  const { spec, diagnostics } = check(textOf(parts));
  if (spec === undefined || diagnostics.some(({ severity }) => severity === "error")) {
    // so that the table of pairs, and what is said of each, tells all there is to tell
    expect(refusedPairs(parts)).not.toEqual([]);
    return;
  }
  const numbers = numbersOf(Object.values(spec.models)[0]!, true, training);
  const error = ({ found, expected }: Slopes): number =>
    Math.abs(found - expected) / Math.max(1, Math.abs(expected));
  const wide = slopesOf(numbers, 1e-6);
  // a step may go past the kink of some ReLU; of ten times smaller ones hardly any do
  const slopes = error(wide) < TOLERANCE ? wide : slopesOf(numbers, 1e-7);
  expect(Math.abs(slopes.expected)).toBeGreaterThan(1e-4);
  expect(error(slopes)).toBeLessThan(TOLERANCE);
};
