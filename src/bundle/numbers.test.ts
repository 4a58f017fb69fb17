// Each kind of quantity has one form.
import { expect, test } from "vitest";
import {
  bytesText,
  counted,
  countText,
  countTick,
  densityText,
  lossText,
  measureText,
  measureTick,
  percentText,
  timeText,
} from "./numbers.ts";

test("counts, exact and short", () => {
  expect([counted(1, "step"), counted(16_384, "token")]).toEqual(["1 step", "16,384 tokens"]);
  expect([0, 999, 1500, 38_400, 134_100_000, 5.49e9].map(countText)).toEqual([
    ...["0", "999", "1.50 k", "38.4 k", "134 M", "5.49 G"],
  ]);
});
test("losses and shares", () => {
  expect([lossText(2.54183), lossText(11)]).toEqual(["2.5418", "11.0000"]);
  expect([percentText(0.30351), densityText(0.49666)]).toEqual(["30.35%", "0.4967"]);
});
test("measures: four digits, powers of ten where zeros would not be read", () => {
  const texts = ["0", "0.3", "-0.07", "12.76", "1500", "14123", "2.43e5", "3e-4", "-1.5e-4", "1e6"];
  expect(
    [0, 0.1 + 0.2, -0.07, 12.758, 1500, 14_123.4, 243_111, 3e-4, -1.5e-4, 1e6].map(measureText),
  ).toEqual(texts);
});
test("beside an axis no two round numbers are one", () => {
  expect([0, 10_000, 1_235_000, 1_240_000].map(countTick)).toEqual([
    ...["0", "10 k", "1.235 M", "1.24 M"],
  ]);
  expect([0, 2e-4, 0.002, 1000.02, 1000.04, 2e5].map(measureTick)).toEqual([
    ...["0", "2e-4", "0.002", "1000.02", "1000.04", "2e5"],
  ]);
});
test("times and sizes", () => {
  expect([0.4, 14, 75, 3720, Infinity].map(timeText)).toEqual([
    ...["0 s", "14 s", "1 min 15 s", "1 h 2 min", "?"],
  ]);
  expect([512, 2048, 5 * 2 ** 20].map(bytesText)).toEqual(["512 B", "2.0 KiB", "5.0 MiB"]);
});
