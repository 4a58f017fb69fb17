// Logits, loss and every gradient of whole models against what the authors' GPAS code (commit 3198068) computed. Tolerances
// are those of the goldens' README; the families of Hugging Face are in huggingface.test.ts.
import { describe, expect, it } from "vitest";
import {
  golden,
  held,
  maxAbs,
  maxDifference,
  readGolden,
  shiftLabels,
  stateFrom,
} from "./golden.ts";
import { cases } from "./gpas-cases.ts";
import { passOf } from "./models.ts";

describe.each(cases)("$name", ({ name, model, weights }) => {
  const expected = readGolden(`${name}/golden.safetensors`);
  const ids = golden(expected, "input_ids");
  const [B = 0, T = 0] = ids.shape;
  const { parameters, run } = passOf(model, B, T);
  const labels = expected["labels"] ?? ids;
  const state = stateFrom(parameters, weights);
  const found = run({ ids: ids.data, targets: shiftLabels(labels), state });
  const got = (name: string): Float64Array => {
    const value = found[name];
    if (value === undefined) throw new Error(`no output ${name}`);
    return value;
  };

  it("has the parameters of the checkpoint, by name and shape", () => {
    const wanted = Object.keys(expected).flatMap((key) =>
      key.startsWith("grad.") ? [key.slice(5)] : [],
    );
    expect(parameters.map((p) => p.diskName).sort()).toEqual(wanted.sort());
    for (const p of parameters) {
      const shape = p.shape.map((d) => d.size);
      expect(p.transposed ? shape.reverse() : shape, p.diskName).toEqual(
        golden(expected, `grad.${p.diskName}`).shape,
      );
    }
  });

  it("computes the same logits and states", () => {
    expect(maxDifference(got("logits"), golden(expected, "logits").data)).toBeLessThan(5e-5);
    for (const name of Object.keys(expected).filter((key) => key.startsWith("hidden.")))
      expect(maxDifference(got(name), golden(expected, name).data), name).toBeLessThan(5e-5);
  });

  it("computes the same loss", () => {
    expect(Math.abs(got("loss")[0]! - golden(expected, "loss").data[0]!)).toBeLessThan(5e-6);
  });

  it("computes the same gradients", () => {
    const all = parameters.map((p) => ({ p, grad: held(expected, p, "grad.") }));
    const largest = Math.max(...all.map(({ grad }) => maxAbs(grad)));
    for (const { p, grad } of all) {
      const ours = got(`grad.${p.name}`).slice();
      // The padding row is masked by the training step, not by differentiation.
      if (p.frozenRow !== null)
        ours.fill(0, p.frozenRow * p.shape[1]!.size, (p.frozenRow + 1) * p.shape[1]!.size);
      const bound = p.shape.length === 0 ? 1e-5 * largest : 1e-4 * maxAbs(grad);
      expect(maxDifference(ours, grad), p.name).toBeLessThan(bound);
    }
    for (const name of Object.keys(expected).filter((key) => key.startsWith("act_grad."))) {
      const { data } = golden(expected, name);
      expect(maxDifference(got(name), data), name).toBeLessThan(1e-4 * maxAbs(data));
    }
  });
});
