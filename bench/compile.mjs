// The compiler's own speed: checking a project of 500 lines, and compiling a decoder of 24 layers against one of 12 (the
// time should grow with the layers, no faster).
import { performance } from "node:perf_hooks";
import { analyze, choose, compile } from "../dist/src/compiler/index.js";

const model = (name, layers) => `/// ${name}
export model ${name} {
  vocab_size = 32_000
  hidden_size = 768
  context = 256
  blocks ${layers} {
    norm = pre(rmsnorm(eps: 1e-6))
    attention = mha(heads: 12, position: rope(theta: 10_000))
    ffn = swiglu(intermediate: 2048)
    scaling = gpas()
  }
  final_norm = rmsnorm(eps: 1e-6)
  head = lm(tied: false)
}
`;
const recipe = (name, of) => `recipe ${name} for ${of} {
  data = text("corpus/*.txt", tokenizer: bytes(), sequence: 256)
  batch = 8 sequences
  length = 100 steps
}
`;

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const time = (rounds, run) => {
  const spent = [];
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    run();
    spent.push(performance.now() - start);
  }
  return { first: spent[0], median: median(spent) };
};
const project = (text) => ({ read: () => text, resolveImport: () => undefined });
const check = (text) => {
  const checked = analyze("bench.arch", project(text));
  const errors = checked.diagnostics.filter((d) => d.severity === "error");
  if (checked.spec === undefined)
    throw new Error(`the bench's spec is wrong: ${errors.map((d) => d.message).join("; ")}`);
  return checked;
};

export const compileBench = ({ rounds = 5 } = {}) => {
  let text = "spec 1\n\n";
  for (let i = 0; text.split("\n").length < 500; i++) text += model(`M${i}`, 4 + (i % 9)) + "\n";
  const lines = text.split("\n").length;
  const checked = time(rounds * 4, () => check(text));
  console.log(
    `check, ${lines} lines: first ${checked.first.toFixed(1)} ms, warm ${checked.median.toFixed(1)} ms`,
  );

  const compiled = (layers) => {
    const source = `spec 1\n\n${model("M", layers)}\n${recipe("R", "M")}`;
    const result = check(source);
    const chosen = choose(result.spec, {}, true);
    if (!chosen.ok) throw new Error(chosen.problem);
    return time(rounds, () =>
      compile({ entry: "bench.arch", checked: result, model: chosen.model, recipe: chosen.recipe }),
    );
  };
  const half = compiled(12);
  const whole = compiled(24);
  console.log(
    `compile, 12 layers: ${half.median.toFixed(0)} ms; 24 layers: ${whole.median.toFixed(0)} ms (${(whole.median / half.median).toFixed(2)}×)`,
  );
};
