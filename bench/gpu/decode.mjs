// Generation on the tensorflow engine, as a bundle's `generate` does it: prompts in, texts out. Prints one JSON object.
//   node bench/gpu/decode.mjs '{"size": "71m", "batch": 1, "tokens": 256, "precision": "bf16"}'
// `sampling` is what `generate` takes: {"temperature": 0.8, "topK": 50, "topP": 0.9}; greedy unless given.
// `one: true` draws one token a run, on the host.
import { createModel } from "../../dist/src/runtime/index.js";
import { nodeHost, tensorflowEngine } from "../../dist/src/runtime/node/index.js";
import { loadedFor } from "../loaded.mjs";
import { caseOf } from "./sizes.mjs";
import { targetOf } from "./spec.mjs";

const options = JSON.parse(process.argv[2] ?? "{}");
const {
  size = "71m",
  batch = 1,
  shortest = 64,
  longest = 128,
  tokens = 256,
  precision = "bf16",
  sampling = { temperature: 0 },
  one = false,
  repeats = 4,
} = options;
const c = { ...caseOf(size, batch), sequence: longest + tokens };
const target = targetOf(c, { precision });
const generation = { batch, chunk: longest };
const bundle = await loadedFor(target, { programs: ["prefill", "decode_step"], generation });

/** A word an id, none of which ends a text. */
const words = Array.from({ length: c.vocab }, (_, id) => `${id} `);
const tokenizer = {
  size: c.vocab,
  encode: (text) => Int32Array.from(text.trim().split(" "), Number),
  decode: (ids) => ids.map((id) => words[id]).join(""),
  bytesOf: (id) => words[id].length,
  separator: undefined,
  begin: [],
  ends: [],
  toJson: () => "",
};
/** The longest first, the others down to the shortest. */
const lengthOf = (row) =>
  batch === 1 ? longest : Math.round(longest - ((longest - shortest) * row) / (batch - 1));
const prompts = Array.from({ length: batch }, (_, row) =>
  tokenizer.decode(
    Array.from({ length: lengthOf(row) }, (_, i) => (row * 7919 + i * 104729) % c.vocab),
  ),
);

const opening = performance.now();
const plain = tensorflowEngine(options.engine ?? {});
const engine = one
  ? { ...plain, open: async (given) => ({ ...(await plain.open(given)), draw: undefined }) }
  : plain;
const model = await createModel({
  bundle,
  host: nodeHost({}),
  engine,
  tokenizer,
  weights: "initial",
});
const openMs = performance.now() - opening;

const timed = async (count) => {
  const start = performance.now();
  const made = await model.complete(prompts, { ...sampling, tokens: count, seed: 1 });
  if (made.some(({ ids }) => ids.length !== count)) throw new Error("a text ended early");
  return performance.now() - start;
};
const firstMs = await timed(tokens);
const best = async (count) => {
  let least = Infinity;
  for (let i = 0; i < repeats; i++) least = Math.min(least, await timed(count));
  return least;
};
const half = tokens / 2;
const [beginMs, halfMs, allMs] = [await best(1), await best(half), await best(tokens)];
const { about } = model.session;
await model.close();
console.log(
  JSON.stringify({
    peer: `specc ${precision}${one ? ", a token a run" : ""}`,
    batch,
    sampling,
    // from the prompts to the first token of each
    prefill_ms: beginMs,
    // of the second half, all rows together: the first run has drawn more than one
    ms_per_token: (allMs - halfMs) / half,
    tokens_per_s: (1000 * batch * tokens) / allMs,
    first_s: firstMs / 1000,
    open_s: openMs / 1000,
    about,
  }),
);
