// The two readings of LayerNorm Scaling against each other; parity with the code of GPAS stands in test/parity.
import { describe, expect, it } from "vitest";
import {
  goldenGates,
  gpasSizes,
  gpasVariant,
  llamaSpec,
  modelFrom,
  passOf,
} from "../../../../test/parity/models.ts";
import {
  golden,
  maxDifference,
  readGolden,
  shiftLabels,
  stateFrom,
} from "../../../../test/parity/golden.ts";

const ids = Float64Array.from({ length: 10 }, (_, i) => (3 * i + 1) % 7);
const model = (norm: string) =>
  passOf(
    modelFrom(`model Scaled {
      vocab_size = 7 hidden_size = 8 context = 16
      blocks 3 { norm = ${norm} attention = mha(2) ffn = swiglu(12) }
    }`),
    2,
    5,
  );
/** Gains as they start, all else drawn. */
const run = (norm: string) => {
  const { parameters, run } = model(norm);
  let seed = 5;
  const random = (): number => (seed = (seed * 48271) % 2147483647) / 2147483647 - 0.5;
  const state = Object.fromEntries(
    parameters.map(({ name, shape, init }) => {
      const values = Float64Array.from({ length: shape.reduce((n, d) => n * d.size, 1) }, random);
      return [name, init.kind === "constant" ? values.fill(init.value) : values];
    }),
  );
  return { parameters, found: run({ ids, targets: ids, state }) };
};

describe("lns and lns_init", () => {
  const [fixed, started] = [run("lns()"), run("lns_init()")];
  it("compute the same at the start, and not what pre computes", () => {
    const logits = fixed.found["logits"]!;
    expect(maxDifference(logits, started.found["logits"]!)).toBeLessThan(1e-12);
    expect(maxDifference(logits, run("pre()").found["logits"]!)).toBeGreaterThan(1e-3);
  });
  it("start their gains at 1, and at 1/√l counted from 1", () => {
    const gains = (of: typeof fixed): readonly number[] =>
      of.parameters.flatMap(({ name, init }) =>
        name.includes("_norm.") && name.startsWith("blocks") && init.kind === "constant"
          ? [init.value]
          : [],
      );
    expect(gains(fixed)).toEqual([1, 1, 1, 1, 1, 1]);
    [1, 1, 2, 2, 3, 3].forEach((l, i) =>
      expect(gains(started)[i]).toBeCloseTo(1 / Math.sqrt(l), 12),
    );
  });
  it("differ in the gradients of the gains, by √l", () => {
    for (const l of [1, 2, 3]) {
      const name = `grad.blocks.${l - 1}.ffn_norm.weight`;
      const scaled = started.found[name]!.map((x) => x / Math.sqrt(l));
      expect(maxDifference(fixed.found[name]!, scaled)).toBeLessThan(1e-12);
    }
  });
});

// Their gains are those of the other schemes times 1/√l: as a factor beside the gains of the others it is the same model.
describe.each(["lns", "lns_gpas"])("lns against the authors' %s", (scheme) => {
  const expected = readGolden(`gpas/${scheme}/golden.safetensors`);
  const weights = { ...readGolden("gpas/weights.safetensors"), ...goldenGates };
  const scaling = scheme === "lns" ? null : gpasVariant();
  const { parameters, run } = passOf(llamaSpec(gpasSizes, { placement: "lns", scaling }), 2, 12);
  const found = run({
    ids: golden(expected, "input_ids").data,
    targets: shiftLabels(golden(expected, "labels")),
    state: stateFrom(parameters, weights),
  });
  it("computes their logits and states", () => {
    for (const key of ["logits", "hidden.1", "hidden.2", "hidden.3", "hidden.4"])
      expect(maxDifference(found[key]!, golden(expected, key).data), key).toBeLessThan(5e-5);
  });
  it("has their gradients, of gains over √l", () => {
    for (const { name, diskName } of parameters.filter((p) => p.role === "norm")) {
      const layer = /blocks\.(\d+)/.exec(name)?.[1];
      const factor = layer === undefined ? 1 : 1 / Math.sqrt(Number(layer) + 1);
      const wanted = golden(expected, `grad.${diskName}`).data.map((x) => factor * x);
      expect(maxDifference(found[`grad.${name}`]!, wanted), name).toBeLessThan(1e-4);
    }
  });
});
