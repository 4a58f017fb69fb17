// What GPAS costs: a training step of Pre-LN with it over one without, in one process and turn about, on each engine of a CPU that
// works here. The ratio is the median of those of single rounds, so that what slows a round slows both its sides; beside it stand
// the quartiles of those of single rounds. Rounds go on for a while, as a fast engine's scatter by a tenth.
import { loadCompiled } from "../dist/src/cli/runtime.js";
import { analyze, compile } from "../dist/src/compiler/index.js";
import { createModel, wasmEngine } from "../dist/src/runtime/index.js";
import { nodeHost, tensorflowEngine } from "../dist/src/runtime/node/index.js";
import { SIZES } from "./train-step.mjs";

const archOf = ({ D, L, H, F, V, B, T }) => `model PreNorm {
  vocab_size = ${V}
  hidden_size = ${D}
  context = ${T}
  blocks ${L} { norm = pre() attention = mha(heads: ${H}) ffn = swiglu(intermediate: ${F}) }
}
model Gpas extends PreNorm { blocks { scaling = gpas() } }
recipe Step {
  data = text("corpus.txt", sequence: ${T})
  batch = ${B} sequences
  length = 1000 steps
}`;

const LEAST_MS = 15_000;

const quantile = (values, q) => values.toSorted((a, b) => a - b)[Math.floor(values.length * q)];
const median = (values) => quantile(values, 0.5);

const openArm = async (checked, name, engine) => {
  const { models, recipes } = checked.spec;
  const target = { entry: "gpas.arch", checked, model: models[name], recipe: recipes.Step };
  const form = engine.name === "tensorflow" ? "tensorflow" : "tfjs";
  const compilation = compile(target, { forms: [form], programs: ["train_step"] });
  const bundle = await loadCompiled(compilation, "0");
  const model = await createModel({ bundle, host: nodeHost(), engine });
  return { model, trainer: model.trainer(), times: [] };
};

export const gpasStep = async ({ sizes = SIZES, rounds = 5 } = {}) => {
  const checked = analyze("gpas.arch", { read: () => archOf(sizes) });
  const { D, L, F, B, T, V } = sizes;
  const rows = (shift) =>
    Array.from({ length: B }, (_, b) =>
      Array.from({ length: T }, (__, t) => ((b * T + t + shift) * 7919) % V),
    );
  const batch = { input_ids: rows(0), targets: rows(1) };
  console.log(
    `GPAS over Pre-LN, a step of D ${D}, ${L} layers, ffn ${F}, batch ${B} x ${T}, AdamW`,
  );
  for (const engine of [wasmEngine(), tensorflowEngine()]) {
    const reason = await engine.available();
    if (reason !== undefined) {
      console.log(`  ${engine.name}: left out, ${reason}`);
      continue;
    }
    const arms = [];
    for (const name of ["PreNorm", "Gpas"]) arms.push(await openArm(checked, name, engine));
    const until = performance.now() + LEAST_MS;
    for (let round = -2; round < rounds || performance.now() < until; round++)
      for (const { trainer, times } of round % 2 === 0 ? arms : arms.toReversed()) {
        const start = performance.now();
        await trainer.step(batch);
        if (round >= 0) times.push(performance.now() - start);
      }
    const [base, gpas] = arms.map(({ times }) => times);
    const ratios = gpas.map((ms, i) => ms / base[i]);
    const [low, ratio, high] = [0.25, 0.5, 0.75].map((q) => quantile(ratios, q).toFixed(3));
    console.log(
      `  ${engine.name}: ${median(base).toFixed(1)} ms, with GPAS ${median(gpas).toFixed(1)} ms, ratio ${ratio} x (${low} to ${high}, ${ratios.length} rounds)`,
    );
    for (const { model } of arms) await model.close();
  }
};
