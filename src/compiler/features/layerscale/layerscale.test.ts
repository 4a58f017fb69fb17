// LayerScale at its neutral setting, and away from it.
import { expect, it } from "vitest";
import { golden, readGolden, shiftLabels, stateFrom } from "../../../../test/parity/golden.ts";
import { gpasSizes, llamaSpec, passOf } from "../../../../test/parity/models.ts";

const expected = readGolden("gpas/pre/golden.safetensors");
const weights = readGolden("gpas/weights.safetensors");
const base = llamaSpec(gpasSizes);
const run = (init: number | undefined) => {
  const residual = init === undefined ? { is: "plain" } : { is: "layerscale", init };
  const model = { ...base, blocks: base.blocks.map((block) => ({ ...block, residual })) };
  const { parameters, run } = passOf(model, 2, 12);
  const state = stateFrom(parameters, weights, () => new Float64Array(32).fill(init ?? 1));
  const ids = golden(expected, "input_ids").data;
  return {
    parameters,
    found: run({ ids, targets: shiftLabels(golden(expected, "labels")), state }),
  };
};

it("leaves the model as it is where all factors are 1, bit for bit", () => {
  const [plain, scaled] = [run(undefined), run(1)];
  for (const name of ["logits", "loss", "grad.blocks.0.ffn.up.weight"])
    expect(scaled.found[name]).toEqual(plain.found[name]);
  const added = scaled.parameters.filter((p) => !plain.parameters.some((q) => q.name === p.name));
  expect(added.map((p) => p.name)).toEqual(
    [0, 1, 2, 3].flatMap((i) => ["attention", "ffn"].map((s) => `blocks.${i}.${s}_scale.gamma`)),
  );
});
it("leaves little but the embeddings where they are small", () => {
  const { found } = run(1e-9);
  found["hidden.4"]!.forEach((x, i) => expect(x).toBeCloseTo(found["hidden.0"]![i]!, 6));
});
