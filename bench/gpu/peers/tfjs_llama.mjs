// The same LLaMA training step by hand in TensorFlow.js, op by op, on a card: the `tensorflow` backend of tfjs-node-gpu (with
// the libraries that `specc backend add tensorflow --gpu` keeps) or the `webgpu` backend in Node. f32, as tfjs has nothing else.
//   node bench/gpu/peers/tfjs_llama.mjs '{"backend": "tensorflow", "size": "71m", "batch": 16, "steps": 4}'
// webgpu needs two packages more: npm install --no-save webgpu @tensorflow/tfjs-backend-webgpu
import { createRequire } from "node:module";
import { peerStep } from "../../peer.mjs";
import { caseOf } from "../sizes.mjs";

const {
  backend = "tensorflow",
  size = "71m",
  batch = 16,
  steps = 4,
} = JSON.parse(process.argv[2] ?? "{}");
const c = caseOf(size, batch);

const BACKENDS = {
  tensorflow: async () => {
    const engine = "../../../dist/src/runtime/node/tensorflow";
    const { findLibrary } = await import(`${engine}/library.js`);
    const { loadTensorflow } = await import(`${engine}/load.js`);
    return (await loadTensorflow(await findLibrary())).tf;
  },
  webgpu: async () => {
    const { create, globals } = await import("webgpu");
    Object.assign(globalThis, globals);
    const gpu = create(["enable-dawn-features=allow_unsafe_apis"]);
    Object.defineProperty(globalThis, "navigator", {
      value: { gpu, userAgent: "node" },
      configurable: true,
    });
    const require = createRequire(import.meta.url);
    const tf = require("@tensorflow/tfjs");
    require("@tensorflow/tfjs-backend-webgpu");
    await tf.setBackend("webgpu");
    return tf;
  },
};
const tf = await BACKENDS[backend]();
await tf.ready();
const { hidden: D, layers: L, heads: H, ffn: F, vocab: V, sequence: T } = c;
const step = await peerStep(tf, { D, L, H, F, V, B: batch, T });
const ids = Int32Array.from({ length: batch * T }, (_, i) => (i * 7919) % V);
const began = performance.now();
await step(ids, ids);
const firstMs = performance.now() - began;
await step(ids, ids);
const times = [];
let loss = NaN;
for (let i = 0; i < steps; i++) {
  const start = performance.now();
  loss = await step(ids, ids);
  times.push(performance.now() - start);
}
times.sort((a, b) => a - b);
console.log(
  JSON.stringify({
    peer: `tfjs by hand, ${tf.getBackend()}`,
    version: tf.version_core ?? tf.version?.["tfjs-core"],
    best_ms: times[0],
    median_ms: times[times.length >> 1],
    first_s: firstMs / 1000,
    loss,
  }),
);
process.exit(0);
