// Expected calibration error by hand: 15 bins of confidence.
import { expect, test } from "vitest";
import { calibration } from "./calibration.ts";

const errorOf = (answers: readonly (readonly [confidence: number, correct: number])[]): number => {
  const measured = calibration();
  for (const [confidence, correct] of answers) measured.add(confidence, correct);
  return measured.error();
};

test("as sure as right is no error; surely wrong is all of it", () => {
  expect(errorOf([])).toBeNaN();
  expect(errorOf([[1, 1], [1, 1]])).toBe(0);
  expect(errorOf([[1, 0]])).toBe(1);
  expect(errorOf([[0.5, 1], [0.5, 0]])).toBe(0);
}); // prettier-ignore

test("bins are weighed by what is in them", () => {
  // bin 15 (14/15, 1]: confidence 0.95 and 0.97, one of two right: |0.5 - 0.96| = 0.46, weight 2/5
  // bin 10 (9/15, 10/15]: 0.62, 0.64, 0.66, two of three right: |2/3 - 0.64| = 0.02666…, weight 3/5
  const error = errorOf([[0.95, 1], [0.62, 1], [0.97, 0], [0.64, 1], [0.66, 0]]);
  expect(error).toBeCloseTo((2 / 5) * 0.46 + (3 / 5) * (2 / 3 - 0.64), 12);
}); // prettier-ignore

test("an edge belongs to the bin below it, and there are 15", () => {
  // 0.2 = 3/15 closes bin 3; 0.21 opens bin 4: apart they are |1 - 0.2| and |0 - 0.21|, together they would cancel
  expect(errorOf([[0.2, 1], [0.21, 0]])).toBeCloseTo((0.8 + 0.21) / 2, 12);
  expect(errorOf([[0.19, 1], [0.2, 0]])).toBeCloseTo((1 - 0.39) / 2, 12);
}); // prettier-ignore
