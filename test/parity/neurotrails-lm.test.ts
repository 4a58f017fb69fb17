// Language models of NeuroTrails against the authors' modules (bramgrooten/neurotrails at bbb463f): the tree of trunk and heads,
// the full ensemble and the single model. Tolerances are those of the goldens' README.
import { describe, expect, it } from "vitest";
import { evaluateScalar } from "../../src/bundle/scalar.ts";
import { features } from "../../src/compiler/features/index.ts";
import { evaluate } from "../../src/compiler/ir/evaluate.ts";
import { buildPrograms } from "../../src/compiler/model/programs.ts";
import type { DecoderSpec, Variant } from "../../src/compiler/semantics/spec.ts";
import {
  golden,
  held,
  maxAbs,
  maxDifference,
  readGolden,
  readJson,
  shiftLabels,
  stateFrom,
  type Tensors,
} from "./golden.ts";
import { llamaSpec, passOf } from "./models.ts";
import { everything, recipe, sequences, steps } from "./recipes.ts";
import { i32, openOn, read, subjects } from "./sessions.ts";

interface Case {
  readonly config: {
    readonly kind: "tree" | "ensemble" | "single";
    readonly vocab: number;
    readonly hidden: number;
    readonly ffn: number;
    readonly layers: number;
    readonly attention_heads: number;
    readonly num_ensemble: number;
    readonly blocks_in_head: number;
    readonly config_pad_token_id: number | null;
  };
  readonly scalars: {
    readonly head_losses: readonly number[];
    readonly train_loss_sum: number;
    readonly eval_loss_mean_logits: number;
  };
}

const trailsFor = (
  { kind, num_ensemble: n, blocks_in_head }: Case["config"],
  finalNorm: "once" | "twice",
): Variant | null => {
  const shared = { combine: "mean_logits", loss: "sum" };
  if (kind === "single") return null;
  if (kind === "ensemble") return { is: "ensemble", members: n, ...shared };
  return {
    is: "split",
    heads: n,
    blocks_in_head,
    final_norm: finalNorm,
    last_batch_norm: "own",
    ...shared,
  };
};

const modelOf = ({ config }: Pick<Case, "config">, finalNorm: "once" | "twice"): DecoderSpec => ({
  ...llamaSpec({
    vocab: config.vocab,
    hidden: config.hidden,
    layers: config.layers,
    heads: config.attention_heads,
    kv: config.attention_heads,
    ffn: config.ffn,
    eps: 1e-6,
    // -1 is the last row
    padding: config.config_pad_token_id === null ? null : config.vocab - 1,
    tied: false,
  }),
  trails: trailsFor(config, finalNorm),
});

/** Our name on disk to that of the authors' modules, whose heads count their blocks from 0. */
const official =
  ({ config }: Pick<Case, "config">) =>
  (name: string): string => {
    const branch = /^(heads|members)\.(\d+)\.(.*)$/.exec(name);
    if (branch?.[1] === "members") return `model_${branch[2]!}.${branch[3]!}`;
    if (branch === null) return config.kind === "tree" ? `backbone_model.${name}` : name;
    const shared = config.layers - config.blocks_in_head;
    const own = branch[3]!.replace(
      /^model\.layers\.(\d+)/,
      (_all, layer) => `model.layers.${Number(layer) - shared}`,
    );
    return `head_model_${branch[2]!}.${own}`;
  };

const cases = ["lm-single", "lm-full-ensemble-h2", "lm-tree-h3-b2", "lm-tree-h2-b3-pad"];

describe.each(cases)("%s", (name) => {
  const given = readJson(`neurotrails/${name}/case.json`) as Case;
  const tensors = readGolden(`neurotrails/${name}/golden.safetensors`);
  const ids = golden(tensors, "input_ids");
  const [B = 0, T = 0] = ids.shape;
  const targets = shiftLabels(golden(tensors, "labels"));
  const rename = official(given);
  const under = (prefix: string): Tensors =>
    Object.fromEntries(
      Object.entries(tensors).flatMap(([key, value]) =>
        key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [],
      ),
    );
  const [weights, gradients] = [under("param."), under("grad.")];
  const runWith = (finalNorm: "once" | "twice") => {
    const { parameters, run } = passOf(modelOf(given, finalNorm), B, T);
    const renamed = parameters.map((p) => ({ ...p, diskName: rename(p.diskName) }));
    const found = run({ ids: ids.data, targets, state: stateFrom(renamed, weights) });
    const get = (key: string): Float64Array => {
      const value = found[key];
      if (value === undefined) throw new Error(`no output ${key}`);
      return value;
    };
    return { parameters: renamed, get };
  };
  const { parameters, get } = runWith("twice");
  const heads = given.config.num_ensemble;

  it("has the authors' parameters", () => {
    expect(parameters.map((p) => p.diskName).sort()).toEqual(Object.keys(weights).sort());
  });

  it("computes the same logits, head by head and together, and the trunk's state", () => {
    for (let i = 0; i < heads; i++)
      expect(maxDifference(get(`logits.${i}`), golden(tensors, `logits.${i}`).data)).toBeLessThan(
        2e-5,
      );
    expect(maxDifference(get("logits"), golden(tensors, "mean_logits").data)).toBeLessThan(2e-5);
    const trunk = tensors["backbone_hidden"];
    if (trunk === undefined) return;
    const shared = given.config.layers - given.config.blocks_in_head;
    expect(maxDifference(get(`hidden.${shared}`), trunk.data)).toBeLessThan(2e-5);
  });

  it("computes the same losses", () => {
    const { head_losses, train_loss_sum } = given.scalars;
    const mean = head_losses.reduce((sum, x) => sum + x, 0) / heads;
    expect(Math.abs(get("loss")[0]! - mean)).toBeLessThan(2e-6);
    const objective = given.config.kind === "single" ? get("loss") : get("objective");
    expect(Math.abs(objective[0]! - train_loss_sum)).toBeLessThan(2e-6);
  });

  it("computes the same gradients of the summed loss", () => {
    for (const p of parameters) {
      const wanted = held(gradients, p);
      const ours = get(`grad.${p.name}`).slice();
      // the padding row is held still by the training step, not by differentiation
      if (p.frozenRow !== null) ours.fill(0, p.frozenRow * p.shape[1]!.size);
      expect(maxDifference(ours, wanted), p.name).toBeLessThan(5e-6 + 2e-4 * maxAbs(wanted));
    }
  });

  describe.each(subjects)("on $name", ({ engine, missing }) => {
    it.skipIf(missing)("computes the same", async () => {
      const compiled = buildPrograms(modelOf(given, "twice"), undefined, {
        methods: features,
        programs: ["forward", "eval_step"],
        binding: { batch: B, sequence: T },
        gradients: true,
        totalSteps: 0,
      });
      const session = await openOn(engine, compiled, stateFrom(parameters, weights));
      const inputs = { input_ids: i32(ids.data, [B, T]), targets: i32(targets, [B, T]) };
      const found = await session.run("forward", inputs);
      const logits = golden(tensors, "mean_logits").data;
      expect(maxDifference(read(found, "logits"), logits)).toBeLessThan(2e-5);
      for (const p of parameters) {
        const wanted = held(gradients, p);
        const bound = 5e-6 + 2e-4 * maxAbs(wanted);
        expect(maxDifference(read(found, `grad.${p.name}`), wanted), p.name).toBeLessThan(bound);
      }
      const { loss_sum, count } = await session.run("eval_step", inputs);
      const evaluated = loss_sum!.data[0]! / count!.data[0]!;
      expect(Math.abs(evaluated - given.scalars.eval_loss_mean_logits)).toBeLessThan(2e-6);
      await session.close();
    });
  });

  it.runIf(given.config.kind === "tree")("with the final norm once gives the paper's form", () => {
    const once = runWith("once");
    for (let i = 0; i < heads; i++) {
      const wanted = golden(tensors, `logits_single_norm.${i}`).data;
      expect(maxDifference(once.get(`logits.${i}`), wanted)).toBeLessThan(2e-5);
    }
  });
});

// Three updates of the authors' sparse training, before any mask moves: masks of every matrix, embedding and output layers included,
// Adam, and their schedule, whose first rate is 0.
describe("lm-train-static", () => {
  const given = readJson("neurotrails/lm-train-static/case.json") as {
    readonly config: Case["config"] & {
      readonly density: number;
      readonly optimizer: { readonly lr: number; readonly betas: number[]; readonly eps: number };
      readonly schedule: {
        readonly warmup: number;
        readonly total: number;
        readonly floor_ratio: number;
      };
    };
    readonly scalars: {
      readonly head_losses: readonly (readonly number[])[];
      readonly lr_used: readonly number[];
    };
  };
  const { config, scalars } = given;
  const tensors = readGolden("neurotrails/lm-train-static/golden.safetensors");
  const [B = 0, T = 0] = golden(tensors, "input_ids.0").shape;
  const { lr, betas, eps } = config.optimizer;
  const { warmup, total, floor_ratio: floor } = config.schedule;
  const compiled = buildPrograms(
    modelOf(given, "twice"),
    recipe({
      optimizer: { is: "adam", lr, betas, eps },
      schedule: { is: "cosine", warmup: steps(warmup), floor },
      ...{ batch: sequences(B), micro: sequences(B), length: steps(total), clip: null },
      sparsity: [
        {
          ...{ selector: everything, text: "*" },
          value: { is: "fixed", density: config.density, init: "erk" },
        },
      ],
    }),
    {
      methods: features,
      programs: ["train_step"],
      binding: { batch: B, sequence: T },
      totalSteps: total,
    },
  );
  const params = compiled.state.filter(({ kind }) => kind === "param");
  const masks = compiled.state.filter(({ kind }) => kind === "mask");
  const rename = official(given);
  const weights = stateFrom(
    params.map((p) => ({ ...p, diskName: rename(p.diskName) })),
    tensors,
  );

  it("masks what theirs do", () => {
    const sparse = params.filter(({ name }) => weights[name]!.includes(0));
    expect(masks.map(({ name }) => name)).toEqual(sparse.map(({ name }) => `${name}/mask`));
    for (const { init, name } of masks) {
      const held = weights[name.replace("/mask", "")]!;
      const kept = held.filter((x) => x !== 0).length / held.length;
      if (init.kind !== "bernoulli") throw new Error(`${name} is not drawn`);
      const deviation = Math.sqrt((init.density * (1 - init.density)) / held.length);
      expect(Math.abs(kept - init.density), name).toBeLessThan(4 * deviation);
    }
  });
  it("follows their losses, head by head", () => {
    const state: Record<string, ArrayLike<number>> = { ...weights };
    for (const { name, kind, shape } of compiled.state)
      if (kind === "slot") state[name] = new Float64Array(shape.reduce((n, d) => n * d, 1));
    for (const { name } of masks)
      state[name] = weights[name.replace("/mask", "")]!.map((x) => (x === 0 ? 0 : 1));
    const [step] = compiled.programs;
    scalars.head_losses.forEach((losses, i) => {
      const ids = golden(tensors, `input_ids.${i}`);
      const inputs = Object.entries(step!.scalars).map(
        ([name, expr]) => [name, [evaluateScalar(expr, i + 1)]] as const,
      );
      expect(evaluateScalar(step!.scalars["learning_rate"]!, i + 1)).toBeCloseTo(scalars.lr_used[i]!, 12); // prettier-ignore
      const { outputs, updates } = evaluate(step!.graph, {
        inputs: { input_ids: ids.data, targets: shiftLabels(ids), ...Object.fromEntries(inputs) },
        state,
      });
      losses.forEach((loss, head) => {
        const found = outputs[`metrics/heads/${head}/loss`]!.data[0]!;
        expect(Math.abs(found - loss), `head ${head} of update ${i + 1}`).toBeLessThan(2e-5);
      });
      for (const [name, { data }] of Object.entries(updates)) state[name] = data;
    });
    for (const { name } of params)
      weights[name]!.forEach((x, i) => {
        if (x === 0) expect(Math.abs(state[name]![i]!)).toBe(0);
      });
  });
});
