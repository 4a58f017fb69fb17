// A training step of specc on the tensorflow engine, whole updates as users run them: batch in, loss out. Prints one JSON object.
//   node bench/gpu/specc-step.mjs '{"size": "71m", "batch": 16, "precision": "bf16", "scaling": "gpas()", "steps": 20}'
//   node bench/gpu/specc-step.mjs '{"spec": "specs/coe.arch", "model": "Coe", "batch": 32, "sequence": 512}'
// `set` adds lines to the recipe: "checkpoint = block".
import { execFileSync } from "node:child_process";
import { loadedFor } from "../loaded.mjs";
import { stepper } from "../stepper.mjs";
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
const model = await createModel({ bundle, host: nodeHost({}), engine, weights: "initial" });
const openMs = performance.now() - opening;

const { parameters, vocabSize: vocab } = bundle.manifest.model;
const { session } = model;
const { run, atOnce } = stepper(model, { ...c, vocab }, { single: options.single });
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
