// A training step of specc on the tensorflow engine, whole updates as users run them: batch in, loss out. Prints one JSON object.
//   node bench/gpu/specc-step.mjs '{"size": "71m", "batch": 16, "precision": "bf16", "scaling": "gpas()", "steps": 20}'
//   node bench/gpu/specc-step.mjs '{"spec": "specs/coe.arch", "model": "Coe", "batch": 32, "sequence": 512}'
// `set` adds lines to the recipe: "checkpoint = block".
import { execFileSync } from "node:child_process";
import { loadedFor } from "../loaded.mjs";
import { createModel } from "../../dist/src/runtime/index.js";
import { nodeHost, tensorflowEngine } from "../../dist/src/runtime/node/index.js";
import { caseOf } from "./sizes.mjs";
import { targetOf } from "./spec.mjs";

const options = JSON.parse(process.argv[2] ?? "{}");
const {
  size = "71m",
  batch = 16,
  precision = "bf16",
  scaling,
  set = "",
  steps = 64,
  warmup = 4,
  spec,
  model: name,
} = options;
const c = { ...caseOf(size, batch), ...(options.sequence && { sequence: options.sequence }) };

const began = performance.now();
const bundle = await loadedFor(targetOf(c, { precision, scaling, set, spec, model: name }), {
  programs: ["train_step"],
});
const compiledMs = performance.now() - began;

const engine = tensorflowEngine(options.engine ?? {});
const opening = performance.now();
await engine.available(bundle.manifest.numerics);
const libraryMs = performance.now() - opening;
const model = await createModel({ bundle, host: nodeHost({}), engine });
const openMs = performance.now() - opening;

let seed = 1;
const uniform = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
const { parameters, vocabSize = c.vocab } = bundle.manifest.model;
const ids = Int32Array.from({ length: batch * c.sequence }, () =>
  Math.floor(uniform() * vocabSize),
);
const shape = [batch, c.sequence];
const targets = ids.map((_, i) => (i % c.sequence === c.sequence - 1 ? -100 : ids[i + 1]));
const scalar = (value) => ({ dtype: "f32", shape: [], data: Float32Array.of(value) });
let step = 0;
const inputs = () => {
  step += 1;
  return {
    input_ids: { dtype: "i32", shape, data: ids.slice() },
    targets: { dtype: "i32", shape, data: targets.slice() },
    learning_rate: scalar(1e-3),
    bias1: scalar(1 - 0.9 ** step),
    bias2: scalar(1 - 0.95 ** step),
  };
};
const { session } = model;
/** As the training loop asks: in groups where the engine has them. */
const atOnce = options.single === true ? 1 : (session.group?.size("train_step") ?? 1);
const run = async (updates) => {
  let loss = NaN;
  for (let done = 0; done < updates;) {
    if (atOnce > 1 && updates - done >= atOnce) {
      const list = Array.from({ length: atOnce }, inputs);
      loss = (await session.group.run("train_step", list)).at(-1).loss.data[0];
      done += atOnce;
    } else {
      loss = (await session.run("train_step", inputs())).loss.data[0];
      done += 1;
    }
  }
  return loss;
};
const memory = () => {
  try {
    const args = ["--query-gpu=memory.used", "--format=csv,noheader,nounits"];
    return Number(execFileSync("nvidia-smi", args, { encoding: "utf8" }).split("\n")[0]) / 1024;
  } catch {
    return undefined; // no card
  }
};

const first = performance.now();
const firstLoss = await run(1);
const firstMs = performance.now() - first;
await run(Math.max(warmup, atOnce));
const blocks = [];
let loss = NaN;
for (let block = 0; block < 4; block++) {
  const start = performance.now();
  loss = await run(steps / 4);
  blocks.push((performance.now() - start) / (steps / 4));
}
const peak = memory();
const { about } = session;
await model.close();
console.log(
  JSON.stringify({
    peer: ["specc", precision, spec && name, scaling, set].filter(Boolean).join(" "),
    parameters,
    best_ms: Math.min(...blocks),
    median_ms: blocks.toSorted((a, b) => a - b)[1],
    first_s: firstMs / 1000,
    compile_s: compiledMs / 1000,
    // TensorFlow and the card's libraries, of the whole opening
    library_s: libraryMs / 1000,
    open_s: openMs / 1000,
    // of the whole process, as the driver sees it: TensorFlow's pool grows and never shrinks
    used_gib: peak,
    peak_mib: bundle.manifest.programs[0].peakBytes / 2 ** 20,
    engine: about,
    first_loss: firstLoss,
    loss,
  }),
);
