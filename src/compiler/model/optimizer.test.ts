// SGD by hand: three updates of one number, as torch.optim.SGD computes them.
import { describe, expect, it } from "vitest";
import { createBuilder } from "../ir/builder.ts";
import { evaluateNodes } from "../ir/evaluate.ts";
import { optimizer } from "./optimizer.ts";

const GRADS = [0.5, -0.25, 1];
const [RATE, DECAY] = [0.1, 0.01];

/** The number after each update, from 1, and the momentum at the end. */
const updates = (momentum: number, nesterov: boolean): readonly (readonly [number, number])[] => {
  const b = createBuilder();
  const input = (name: string) => b.emit("input", [], { name, dtype: "f32", shape: [] });
  const [param, grad, kept, rate] = ["param", "grad", "momentum", "rate"].map(input);
  const { update, slots } = optimizer({ is: "sgd", lr: RATE, momentum, nesterov });
  const made = update(
    b,
    { param: param!, grad: grad!, slots: { momentum: kept! }, rate: rate!, decay: DECAY },
    {},
  );
  const wanted = [made.param, ...slots.map((slot) => made.slots[slot]!)];
  let [p, v] = [1, 0];
  return GRADS.map((g) => {
    const inputs = { param: [p], grad: [g], momentum: [v], rate: [RATE] };
    const found = evaluateNodes(wanted, { inputs, state: {} });
    [p = NaN, v = 0] = wanted.map((node) => found.get(node)![0]);
    return [p, v];
  });
};

describe("sgd", () => {
  it.each([
    {
      name: "plain",
      of: { momentum: 0, nesterov: false },
      wanted: [
        [0.949, 0], // g = 0.5 + 0.01 · 1
        [0.973051, 0], // g = -0.25 + 0.00949
        [0.872077949, 0], // g = 1 + 0.00973051
      ],
    },
    {
      name: "with momentum",
      of: { momentum: 0.9, nesterov: false },
      wanted: [
        [0.949, 0.51],
        [0.927151, 0.21849], // v = 0.9 · 0.51 - 0.24051
        [0.806559749, 1.20591251], // v = 0.9 · 0.21849 + 1.00927151
      ],
    },
    {
      name: "of Nesterov",
      of: { momentum: 0.9, nesterov: true },
      wanted: [
        [0.9031, 0.51], // 1 - 0.1 · (0.51 + 0.9 · 0.51)
        [0.90757411, 0.218031], // g = -0.240969, v = 0.9 · 0.51 + g, g + 0.9 v = -0.0447411
        [0.698189208191, 1.2053036411], // g = 1.0090757411, g + 0.9 v = 2.09384901809
      ],
    },
  ])("$name", ({ of, wanted }) => {
    updates(of.momentum, of.nesterov).forEach(([p, v], i) => {
      expect(p).toBeCloseTo(wanted[i]![0]!, 12);
      expect(v).toBeCloseTo(wanted[i]![1]!, 12);
    });
  });
});
