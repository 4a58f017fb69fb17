// What must hold of every combination: the checker takes it or says why not, and what it takes has the gradients that differences
// show.
import { expect } from "vitest";
import { check, refusedPairs, textOf, type Part } from "./models.ts";
import { numbersOf, slopesOf } from "./numbers.ts";

export const verify = (parts: readonly Part[]): void => {
  const { spec, diagnostics } = check(textOf(parts));
  if (spec === undefined || diagnostics.some(({ severity }) => severity === "error")) {
    // so that the table of pairs, and what is said of each, tells all there is to tell
    expect(refusedPairs(parts)).not.toEqual([]);
    return;
  }
  const { found, expected } = slopesOf(numbersOf(Object.values(spec.models)[0]!, true));
  expect(Math.abs(expected)).toBeGreaterThan(1e-4);
  expect(Math.abs(found - expected)).toBeLessThan(1e-6 * Math.max(1, Math.abs(expected)));
};
