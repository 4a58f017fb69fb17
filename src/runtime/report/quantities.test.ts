// Names of metrics as a reader would say them, and their numbers by what they are.
import { expect, test } from "vitest";
import { numbersOf, scalarNote, scalarTitle, titleOf } from "./quantities.ts";

test("titles", () => {
  const names = ["train/loss", "eval/loss", "eval/heads/0/loss", "eval/members/2/accuracy"];
  expect(names.map(scalarTitle)).toEqual([
    ...["Training loss", "Held-out loss"],
    ...["Held-out loss of head 0", "Held-out accuracy of member 2"],
  ]);
  expect(scalarTitle("eval/calibration_error")).toBe("Held-out calibration error");
  expect(titleOf("activation_variance")).toBe("Activation variance");
  expect(titleOf("loss_of_heads")).toBe("Training loss of each head");
  expect(scalarNote("eval/heads/1/loss", "image")).toBe("nats an image");
});

test("numbers, in full and beside an axis", () => {
  const shown = (name: string, x: number) => [numbersOf(name).text(x), numbersOf(name).tick(x)];
  expect(shown("eval/heads/0/loss", 2.5)).toEqual(["2.5000", "2.5"]);
  expect(shown("loss_of_heads", 2.5)).toEqual(["2.5000", "2.5"]);
  expect(shown("eval/accuracy", 0.3)).toEqual(["30.00%", "30%"]);
  expect(shown("perf/tokens_per_second", 10_000)).toEqual(["10,000", "10 k"]);
  expect(shown("train/grad_norm", 0.71861)).toEqual(["0.7186", "0.71861"]);
});
