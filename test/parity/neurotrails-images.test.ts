// Image models of NeuroTrails against the authors' WideResNet (bramgrooten/neurotrails at bbb463f): logits, losses, gradients and
// running statistics, in evaluation and in training, by the float64 evaluator and on the engines. Tolerances are those of the goldens' README.
import { describe, expect, it } from "vitest";
import { toDisk } from "../../src/bundle/disk.ts";
import type { StateEntry } from "../../src/bundle/manifest.ts";
import type { HostTensor } from "../../src/bundle/tensor.ts";
import { features } from "../../src/compiler/features/index.ts";
import { evaluate } from "../../src/compiler/ir/evaluate.ts";
import { buildPrograms } from "../../src/compiler/model/programs.ts";
import type { ModelSpec } from "../../src/compiler/semantics/spec.ts";
import { golden, maxAbs, maxDifference, readGolden, readJson, type Tensors } from "./golden.ts";
import { modelOf, passOf } from "./images.ts";
import { f32, i32, openOn, read, subjects } from "./sessions.ts";

interface Case {
  readonly config: {
    readonly depth: number;
    readonly num_classes: number;
    readonly num_ensemble: number;
    readonly blocks_in_head: number;
    /** Of the stem and of the three stages. */
    readonly channels: readonly [number, number, number, number];
    readonly batch: number;
  };
  readonly scalars: {
    readonly eval_loss: number;
    readonly eval_mean_logit_ce: number;
    readonly train_loss: number;
    readonly train_head_losses?: readonly number[];
    readonly disagreement_matrix_mean?: number;
  };
  readonly grad_l2_norms: Readonly<Record<"eval" | "train", Readonly<Record<string, number>>>>;
}

const wideResNet = ({ config }: Case): ModelSpec => {
  const { channels, num_classes, num_ensemble: heads, blocks_in_head, depth } = config;
  const [stem, ...stages] = channels;
  const blocks = stages.map((n, stage) => {
    const unit = `wide_basic(${n}, stride: first(${stage === 0 ? 1 : 2}))`;
    return `  blocks ${(depth - 4) / 6} { unit = ${unit} }`;
  });
  return modelOf(`  input = image(32, 32, 3)
  stem  = conv(${stem})
${blocks.join("\n")}
  head = classifier(${num_classes}, pool: average(window: 8))
  trails = split(heads: ${heads}, blocks_in_head: ${blocks_in_head}, loss: mean, last_batch_norm: shared)`);
};

/** Our names to those of the authors' module. */
const official =
  ({ config }: Case) =>
  (name: string): string => {
    const { depth, blocks_in_head, num_ensemble } = config;
    const shared = (3 * (depth - 4)) / 6 - (num_ensemble === 1 ? 0 : blocks_in_head);
    const part = (inner: string): string =>
      inner.replace(/^conv([12])_norm\./, "bn$1.").replace(/^shortcut\./, "convShortcut.");
    const own = /^(?:heads\.(\d)\.)?(.*)$/.exec(name)!;
    const [, head, rest = ""] = own;
    const block = /^blocks\.(\d+)\.(.*)$/.exec(rest);
    if (block !== null)
      return head === undefined
        ? `shared_blocks.${block[1]!}.${part(block[2]!)}`
        : `blocks_head${head}.${Number(block[1]) - shared}.${part(block[2]!)}`;
    return rest
      .replace(/^stem\./, "conv1.")
      .replace(/^final_norm\./, "bn1.")
      .replace(/^head\./, `fc_${head ?? "0"}.`);
  };

/** [B, C, H, W] -> [B, H, W, C] */
const lastChannels = ({ shape, data }: Tensors[string]): Float64Array => {
  const [B = 0, C = 0, H = 0, W = 0] = shape;
  const out = new Float64Array(data.length);
  for (let b = 0; b < B; b++)
    for (let c = 0; c < C; c++)
      for (let p = 0; p < H * W; p++) out[(b * H * W + p) * C + c] = data[(b * C + c) * H * W + p]!;
  return out;
};

/** A tensor of the golden file as the graph holds it. */
const held = (entry: StateEntry, { data }: Tensors[string]): Float64Array => {
  if (!entry.transposed) return data;
  // toDisk is tested against itself; here the order of axes is written out
  const out = new Float64Array(data.length);
  const [a = 1, b = 1, c = 1, d = 1] = entry.shape;
  if (entry.shape.length === 2) {
    for (let i = 0; i < a; i++) for (let o = 0; o < b; o++) out[i * b + o] = data[o * a + i]!;
    return out;
  }
  for (let y = 0; y < a; y++)
    for (let x = 0; x < b; x++)
      for (let i = 0; i < c; i++)
        for (let o = 0; o < d; o++)
          out[((y * b + x) * c + i) * d + o] = data[((o * c + i) * a + y) * b + x]!;
  return out;
};

const cases = [
  "cv-wrn-d10-quarter-h1-b0",
  "cv-wrn-d10-half-h3-b1",
  "cv-wrn-d10-quarter-h2-b3-stem-only",
  "cv-wrn-d16-quarter-h3-b4",
];

describe.each(cases)("%s", (name) => {
  const given = readJson(`neurotrails/${name}/case.json`) as Case;
  const tensors = readGolden(`neurotrails/${name}/golden.safetensors`);
  const model = wideResNet(given);
  const rename = official(given);
  const { batch: B, num_classes: C, num_ensemble: H } = given.config;
  const images = lastChannels(golden(tensors, "input"));
  const targets = golden(tensors, "target").data;

  const { state } = passOf(model, B, false);
  const values = Object.fromEntries(
    state.map((entry) => {
      const kind = entry.kind === "buffer" ? "buffer" : "param";
      return [entry.name, held(entry, golden(tensors, `${kind}.${rename(entry.name)}`))];
    }),
  );

  it("has the authors' parameters and running statistics", () => {
    const of = (prefix: string): string[] =>
      Object.keys(tensors).flatMap((key) =>
        key.startsWith(prefix) ? [key.slice(prefix.length)] : [],
      );
    const ours = (kind: StateEntry["kind"]): string[] =>
      state.flatMap((entry) => (entry.kind === kind ? [rename(entry.name)] : []));
    expect(ours("param").sort()).toEqual(of("param.").sort());
    expect(ours("buffer").sort()).toEqual(of("buffer.").sort());
    // and files hold them as PyTorch does
    for (const entry of state.filter((e) => e.kind === "param")) {
      const tensor: HostTensor = { ...f32(values[entry.name]!, entry.shape) };
      const [disk] = toDisk(entry, tensor);
      const wanted = golden(tensors, `param.${rename(entry.name)}`);
      expect(disk!.shape).toEqual(wanted.shape);
      expect(maxDifference(disk!.data, wanted.data)).toBe(0);
    }
  });

  type Got = (name: string) => ArrayLike<number>;
  const check = (mode: "eval" | "train", got: Got): void => {
    const logits = golden(tensors, `${mode}.logits`).data; // [B, H, C]
    for (let h = 0; h < H; h++)
      for (let i = 0; i < B; i++)
        expect(
          maxDifference(
            Array.from(got(`logits.${h}`)).slice(i * C, (i + 1) * C),
            logits.slice((i * H + h) * C, (i * H + h + 1) * C),
          ),
        ).toBeLessThan(2e-5);
    const mean = golden(tensors, `${mode}.mean_logits`).data;
    expect(maxDifference(got("logits"), mean)).toBeLessThan(2e-5);
    const { eval_loss, train_loss, train_head_losses } = given.scalars;
    expect(Math.abs(got("loss")[0]! - (mode === "eval" ? eval_loss : train_loss))).toBeLessThan(
      2e-6,
    );
    if (mode === "train")
      train_head_losses?.forEach((loss, h) =>
        expect(Math.abs(got(`loss.${h}`)[0]! - loss)).toBeLessThan(2e-6),
      );
    for (const entry of state.filter((e) => e.kind === "param")) {
      const ours = got(`grad.${entry.name}`);
      const key = rename(entry.name);
      const norm = Math.hypot(...Array.from(ours));
      expect(Math.abs(norm / given.grad_l2_norms[mode][key]! - 1), key).toBeLessThan(2e-4);
      const wanted = tensors[`${mode}.grad.${key}`];
      if (wanted === undefined) continue; // selected tensors are kept whole, of all the norm
      const bound = 5e-6 + 2e-4 * maxAbs(wanted.data);
      expect(maxDifference(ours, held(entry, wanted)), key).toBeLessThan(bound);
    }
    if (mode === "train")
      for (const entry of state.filter((e) => e.kind === "buffer")) {
        const after = golden(tensors, `train.buffer_after.${rename(entry.name)}`).data;
        expect(maxDifference(got(`after.${entry.name}`), after), entry.name).toBeLessThan(1e-6);
      }
  };

  describe.each(["eval", "train"] as const)("in %s mode", (mode) => {
    const { graph } = passOf(model, B, mode === "train");
    it("computes the same in float64", () => {
      const { outputs } = evaluate(graph, { inputs: { images, targets }, state: values });
      check(mode, (key) => outputs[key]!.data);
    });
    it.for(subjects)("computes the same on $name", async ({ engine, missing }, { skip }) => {
      skip(missing, "the engine is not here");
      const session = await openOn(
        engine,
        {
          ...{ programs: [{ graph, scalars: {} }], state, learningRate: null, totalSteps: 0 },
          ...{ active: {}, densities: {} },
        },
        values,
      );
      const found = await session.run("forward", {
        images: f32(images, [B, 32, 32, 3]),
        targets: i32(targets, [B]),
      });
      check(mode, (key) => read(found, key));
      await session.close();
    });
  });

  it.for(subjects)(
    "evaluates as the authors' metrics do, on $name",
    async ({ engine, missing }, { skip }) => {
      skip(missing, "the engine is not here");
      const compiled = buildPrograms(model, undefined, {
        methods: features,
        programs: ["eval_step"],
        binding: { batch: B },
        totalSteps: 0,
      });
      const session = await openOn(engine, compiled, values);
      const found = await session.run("eval_step", {
        images: f32(images, [B, 32, 32, 3]),
        targets: i32(targets, [B]),
      });
      const of = (key: string): number => read(found, key)[0]!;
      const { eval_mean_logit_ce, disagreement_matrix_mean } = given.scalars;
      expect(Math.abs(of("loss_sum") / of("count") - eval_mean_logit_ce)).toBeLessThan(2e-6);
      const mean = golden(tensors, "eval.mean_logits").data;
      const choices = Array.from({ length: B }, (_, i) => {
        const row = Array.from(mean.slice(i * C, (i + 1) * C));
        return row.indexOf(Math.max(...row));
      });
      expect(of("sums/accuracy")).toBe(choices.filter((c, i) => c === targets[i]).length);
      if (H > 1 && disagreement_matrix_mean !== undefined) {
        // theirs, of the training pass, is the mean over the whole matrix of heads, its diagonal of zeros included
        const pairs = (mode: "eval" | "train"): number => {
          const { data } = golden(tensors, `${mode}.logits`);
          const choice = (i: number, h: number): number => {
            const row = Array.from(data.slice((i * H + h) * C, (i * H + h + 1) * C));
            return row.indexOf(Math.max(...row));
          };
          let [differ, all] = [0, 0];
          for (let i = 0; i < B; i++)
            for (let g = 0; g < H; g++)
              for (let h = g + 1; h < H; h++, all++) if (choice(i, g) !== choice(i, h)) differ++;
          return differ / all;
        };
        expect((pairs("train") * (H - 1)) / H).toBeCloseTo(disagreement_matrix_mean, 6);
        expect(of("sums/disagreement") / B).toBeCloseTo(pairs("eval"), 6);
      }
      await session.close();
    },
  );
});
