// A training step on the CPU: specc on TensorFlow, without XLA and as it chooses by the length of the training, and on wasm, beside PyTorch, eager and compiled. LLaMA, hidden
// 256, 4 layers, ffn 704, vocabulary 256, 8 sequences of 128, f32. Each side is a process of its own; they take turns, one working
// while the others wait, so that a busy machine slows all. PYTHON names an interpreter that has torch.
//   node bench/cpu/run.mjs [rounds]
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { caseOf } from "../gpu/sizes.mjs";

const rounds = Number(process.argv[2] ?? 5);
const here = (file) => new URL(file, import.meta.url).pathname;
const python = process.env.PYTHON ?? "python3";
const torch = (compile) => [
  python,
  [here("torch_step.py"), JSON.stringify({ ...caseOf("cpu", 8), compile })],
];
const specc = (options) => [process.execPath, [here("specc_step.mjs"), JSON.stringify(options)]];
const SIDES = {
  "specc, tensorflow": specc({ engine: "tensorflow", xla: false }),
  "specc, tensorflow, as it chooses": specc({ engine: "tensorflow" }),
  "specc, wasm": specc({ engine: "wasm" }),
  "PyTorch eager": torch(false),
  "PyTorch compiled": torch(true),
};
/** Steps in a turn. */
const STEPS = { "specc, wasm": 2 };

const sides = Object.entries(SIDES).map(([name, [command, args]]) => {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.stdin.on("error", () => {});
  const ask = async (steps) => {
    child.stdin.write(`${steps}\n`);
    const { value } = await lines.next();
    return value === undefined ? undefined : JSON.parse(value);
  };
  return { name, child, ask, ms: [], version: "" };
});
const working = [];
for (const side of sides) {
  const warm = await side.ask(3);
  if (warm === undefined) console.log(`${side.name}: left out, it did not start`);
  else working.push(Object.assign(side, { version: warm.version }));
}
for (let round = 0; round < rounds; round++)
  for (const side of round % 2 === 0 ? working : working.toReversed())
    side.ms.push(...(await side.ask(STEPS[side.name] ?? 10)).ms);
for (const { child } of sides) child.stdin.end();

const best = (ms) => Math.min(...ms);
const median = (ms) => ms.toSorted((a, b) => a - b)[ms.length >> 1];
const own = working.filter(({ name }) => name.startsWith("specc, tensorflow"));
const fastest = own.toSorted((a, b) => median(a.ms) - median(b.ms))[0];
for (const { name, ms, version } of working)
  console.log(
    `${name}: best ${best(ms).toFixed(1)} ms, median ${median(ms).toFixed(1)} ms` +
      (fastest === undefined
        ? ""
        : `, ${(median(ms) / median(fastest.ms)).toFixed(2)} x ${fastest.name}`) +
      ` (${version})`,
  );
