// A training step on the wasm engine against the hand-written peer, in one process, turn about, so that a busy machine slows
// both. Prints medians and best times in ms and the ratio; asserts nothing.
import { llamaGraph } from "./llama.mjs";
import { peerStep } from "./peer.mjs";

const dist = process.env.SPECC_DIST ?? "../dist";
const load = (path) => import(`${dist}/src/${path}`);
const { createBuilder } = await load("compiler/ir/builder.js");
const { differentiate } = await load("compiler/passes/differentiate.js");
await import("./tfjs-gradients.mjs");
const { moduleText } = await load("compiler/lower/kernel-module/index.js");
const { wasmEngine } = await load("runtime/engines/tfjs.js");

export const SIZES = { D: 256, L: 4, H: 4, F: 704, V: 256, B: 8, T: 128 };

/** A state's first values: normal by the Box-Muller transform of a fixed sequence, ones or zeros. */
const initial = (shape, init) => {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  if (init === "ones") data.fill(1);
  let seed = 1;
  const uniform = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  if (init === "normal")
    for (let i = 0; i < data.length; i++)
      data[i] = 0.02 * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return { dtype: "f32", shape, data };
};

export const openStep = async (sizes) => {
  const started = performance.now();
  const { graph, state } = llamaGraph({ createBuilder, differentiate }, sizes);
  const text = moduleText(graph);
  const program = await import(
    `data:text/javascript;base64,${Buffer.from(text).toString("base64")}`
  );
  const manifest = {
    state: state.map(({ name, shape }) => ({ name, shape, dtype: "f32" })),
    programs: [],
    numerics: { products: "f32", tf32: false, deterministic: false },
  };
  const session = await wasmEngine().open({ manifest, programs: { train_step: program } });
  await session.writeState(
    Object.fromEntries(state.map(({ name, shape, init }) => [name, initial(shape, init)])),
  );
  const compileMs = performance.now() - started;
  const scalar = (value) => ({ dtype: "f32", shape: [], data: Float32Array.of(value) });
  let step = 0;
  const run = async (ids, targets) => {
    step++;
    const tensor = (data) => ({ dtype: "i32", shape: [sizes.B, sizes.T], data });
    const { loss } = await session.run("train_step", {
      ...{ input_ids: tensor(ids), targets: tensor(targets), learning_rate: scalar(1e-3) },
      ...{ bias1: scalar(1 - 0.9 ** step), bias2: scalar(1 - 0.95 ** step) },
    });
    return loss.data[0];
  };
  return { run, session, text, compileMs };
};

export const trainStep = async ({ sizes = SIZES, rounds = 5 } = {}) => {
  const own = await openStep(sizes);
  const tf = await import("@tensorflow/tfjs-core");
  await tf.setBackend("wasm");
  const peer = await peerStep(tf, sizes);
  const ids = Int32Array.from({ length: sizes.B * sizes.T }, (_, i) => (i * 7919) % sizes.V);
  const times = { own: [], peer: [] };
  const timed = async (list, step) => {
    const start = performance.now();
    const loss = await step(ids, ids);
    list.push(performance.now() - start);
    return loss;
  };
  let buffers;
  for (let round = -1; round < rounds; round++) {
    if (round === 0) times.own.length = times.peer.length = 0;
    const lossOwn = await timed(times.own, own.run);
    const lossPeer = await timed(times.peer, peer);
    const live = own.session.liveBuffers();
    if (round === 0) buffers = live;
    console.log(
      `round ${round}: loss ${lossOwn.toFixed(4)} (peer ${lossPeer.toFixed(4)}), ${times.own.at(-1).toFixed(0)} ms (peer ${times.peer.at(-1).toFixed(0)} ms), buffers ${live}`,
    );
    if (round > 0 && live !== buffers) console.log(`buffers changed from ${buffers} to ${live}`);
  }
  const median = (list) => [...list].sort((x, y) => x - y)[list.length >> 1];
  const { D, L, H, F, V, B, T } = sizes;
  console.log(
    `LLaMA step, D ${D}, ${L} layers, ffn ${F}, ${H} heads, vocab ${V}, batch ${B} x ${T}, AdamW, wasm`,
  );
  console.log(
    `  specc            median ${median(times.own).toFixed(0)} ms, best ${Math.min(...times.own).toFixed(0)} ms (compile and open ${own.compileMs.toFixed(0)} ms)`,
  );
  console.log(
    `  hand-written tfjs median ${median(times.peer).toFixed(0)} ms, best ${Math.min(...times.peer).toFixed(0)} ms`,
  );
  console.log(`  ratio            ${(median(times.peer) / median(times.own)).toFixed(2)} x`);
};
