// Chains of experts against the authors' code (ZihanWang314/CoE, commit d2af562): logits, states, what the routers choose,
// loss and gradients, in float64. Tolerances are those of the goldens' README.
import { describe, expect, it } from "vitest";
import { diskNames, isWeight, toDisk } from "../../src/bundle/disk.ts";
import { evaluate } from "../../src/compiler/ir/evaluate.ts";
import { features } from "../../src/compiler/features/index.ts";
import { buildPrograms } from "../../src/compiler/model/programs.ts";
import { initialValues } from "../../src/runtime/state.ts";
import { expectStates, withChainStates } from "./chain-states.ts";
import {
  golden,
  held,
  maxAbs,
  maxDifference,
  readGolden,
  readJson,
  shiftLabels,
  stateFrom,
} from "./golden.ts";
import { coeArch, coeCase, coeCases, coeTargets, type CoeConfig } from "./mixtures.ts";
import { modelFrom, passOf } from "./models.ts";

interface Moments {
  readonly mean: number;
  readonly std: number;
  readonly min: number;
  readonly max: number;
}

describe.each(coeCases)("%s", (name) => {
  const { config, weights, expected } = coeCase(name);
  const ids = golden(expected, "input_ids");
  const [B = 0, T = 0] = ids.shape;
  const targets = coeTargets(expected);
  // Of padded rows: a pad looks at the tokens before it.
  const positions = expected["position_ids"]?.data;
  const { parameters, graph } = passOf(modelFrom(coeArch(config)), B, T, positions);
  const { outputs: found } = evaluate(withChainStates(graph), {
    inputs: { input_ids: ids.data, targets },
    state: stateFrom(parameters, weights),
  });
  const got = (key: string): Float64Array => {
    const value = found[key]?.data;
    if (value === undefined)
      throw new Error(`no output ${key} among ${Object.keys(found).join(" ")}`);
    return value;
  };

  it("computes the same logits, loss and states, those inside blocks too", () => {
    expect(maxDifference(got("logits"), golden(expected, "logits").data)).toBeLessThan(5e-5);
    expect(Math.abs(got("loss")[0]! - golden(expected, "loss").data[0]!)).toBeLessThan(5e-6);
    expectStates(expected, got);
  });
  it("counts the loads of its experts", () => {
    const E = config.n_routed_experts;
    for (const key of Object.keys(expected).filter((k) => k.endsWith(".topk_idx"))) {
      const [, layer, t] = key.split(".");
      const { data } = golden(expected, key);
      const load = Array.from({ length: E }, (_, e) => data.filter((i) => i === e).length);
      const found = got(`metrics/blocks.${layer}.ffn.${t}.load`);
      load.forEach((n, e) => expect(found[e]! * data.length, `${key} ${e}`).toBeCloseTo(n, 9));
    }
  });
  it("adds the same auxiliary loss", () => {
    const added = got("objective")[0]! - got("loss")[0]!;
    expect(Math.abs(added - golden(expected, "aux_total").data[0]!)).toBeLessThan(1e-6);
  });
  it("computes the same gradients", () => {
    for (const p of parameters) {
      const grad = held(expected, p, "grad.");
      expect(maxDifference(got(`grad.${p.name}`), grad), p.name).toBeLessThan(1e-4 * maxAbs(grad));
    }
    for (const key of Object.keys(expected).filter((k) => k.startsWith("act_grad."))) {
      const { data } = golden(expected, key);
      expect(maxDifference(got(key), data), key).toBeLessThan(1e-4 * maxAbs(data));
    }
  });
});

describe("checkpoint-c2", () => {
  const config = readJson("coe/checkpoint-c2/config.json") as CoeConfig;
  const weights = readGolden("coe/checkpoint-c2/model.safetensors");
  const expected = readGolden("coe/checkpoint-c2/golden.safetensors");
  const ids = golden(expected, "input_ids");
  const [B = 0, T = 0] = ids.shape;
  const { parameters, run } = passOf(modelFrom(coeArch(config)), B, T);
  it("holds every tensor of the authors' layout, and no other", () => {
    const names = parameters.flatMap((p) => diskNames({ ...p, shape: p.shape.map((d) => d.size) }));
    expect([...names].sort()).toEqual(Object.keys(weights).sort());
  });
  it("computes the same logits and auxiliary loss", () => {
    const state = stateFrom(parameters, weights);
    const found = run({ ids: ids.data, targets: shiftLabels(ids), state });
    expect(maxDifference(found["logits"]!, golden(expected, "logits").data)).toBeLessThan(5e-5);
    const added = found["objective"]![0]! - found["loss"]![0]!;
    expect(Math.abs(added - golden(expected, "aux_total").data[0]!)).toBeLessThan(1e-6);
  });
});

describe("fresh parameters", () => {
  const { config, parameters: wanted } = readJson("coe/init-stats.json") as {
    readonly config: CoeConfig;
    readonly parameters: Readonly<Record<string, Moments>>;
  };
  const { state } = buildPrograms(modelFrom(coeArch(config)), undefined, {
    methods: features,
    programs: [],
    binding: { batch: 1, sequence: 1 },
    totalSteps: 0,
  });
  const ours = new Map(
    state.filter(isWeight).flatMap((entry) => {
      const parts = toDisk(entry, initialValues(entry, 7));
      return diskNames(entry).map((name, i) => [name, parts[i]!.data] as const);
    }),
  );
  it.each(Object.entries(wanted))(
    "%s starts as the authors' does",
    (name, { std, mean, min, max }) => {
      const values = Array.from(ours.get(name)!);
      const average = values.reduce((a, b) => a + b, 0) / values.length;
      const own = Math.sqrt(values.reduce((a, b) => a + (b - average) ** 2, 0) / values.length);
      // Standard errors of mean and deviation of so many draws, five times.
      const error = 5 / Math.sqrt(values.length);
      expect(Math.abs(average - mean)).toBeLessThanOrEqual(2 * error * std);
      expect(Math.abs(own - std)).toBeLessThanOrEqual(error * std);
      // Routers are uniform: their extremes say so, those of normal draws would lie twice as far out.
      const isUniform = std > 0.04;
      if (isUniform) {
        expect(Math.max(...values) / max).toBeCloseTo(1, 1);
        expect(Math.min(...values) / min).toBeCloseTo(1, 1);
      }
    },
  );
});
