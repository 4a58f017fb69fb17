// One side of run.mjs: a training step of specc on an engine of the CPU. Reads counts of steps from standard input, a line each, runs
// them and answers with their times in ms as JSON.
//   echo 5 | node bench/cpu/specc_step.mjs '{"engine": "tensorflow", "xla": true}'
import { createInterface } from "node:readline";
import { loadCompiled } from "../../dist/src/cli/runtime.js";
import { compile } from "../../dist/src/compiler/index.js";
import { createModel, wasmEngine } from "../../dist/src/runtime/index.js";
import { nodeHost, tensorflowEngine } from "../../dist/src/runtime/node/index.js";
import { caseOf } from "../gpu/sizes.mjs";
import { targetOf } from "../gpu/spec.mjs";
import { stepper } from "../stepper.mjs";

const { engine: name = "tensorflow", xla } = JSON.parse(process.argv[2] ?? "{}");
const c = caseOf("cpu", 8);
const forms = [name === "tensorflow" ? "tensorflow" : "tfjs"];
const target = targetOf(c, { precision: "f32" });
const bundle = await loadCompiled(compile(target, { forms, programs: ["train_step"] }), "0");
const engine =
  name === "tensorflow"
    ? tensorflowEngine({ gpu: false, ...(xla === undefined ? {} : { xla }) })
    : wasmEngine();
const model = await createModel({ bundle, host: nodeHost({}), engine, weights: "initial" });
const { run } = stepper(model, c, { single: true });
for await (const line of createInterface({ input: process.stdin })) {
  const ms = [];
  let loss = NaN;
  for (let i = 0; i < Number(line); i++) {
    const start = performance.now();
    loss = await run(1);
    ms.push(performance.now() - start);
  }
  console.log(JSON.stringify({ ms, loss, version: model.session.about ?? name }));
}
await model.close();
