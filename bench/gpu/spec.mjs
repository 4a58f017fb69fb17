// What a benchmark trains or continues, compiled as far as a target: the published LLaMA of a size, or a model of a spec file.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { analyze, choose } from "../../dist/src/compiler/index.js";

const llama = (c, scaling) => `model Bench {
  vocab_size = ${c.vocab}
  hidden_size = ${c.hidden}
  context = ${c.sequence}
  blocks ${c.layers} {
    norm = pre(rmsnorm(eps: 1e-6))
    attention = mha(heads: ${c.heads}, position: rope(theta: 10_000))
    ffn = swiglu(intermediate: ${c.ffn})
    ${scaling === undefined ? "" : `scaling = ${scaling}`}
  }
  final_norm = rmsnorm(eps: 1e-6)
  head = lm(tied: false)
}`;

/** @param c a case of sizes.mjs; `set` adds lines to the recipe: "checkpoint = block" */
export const targetOf = (c, { precision, scaling, set = "", spec, model = "Bench" }) => {
  const text = `spec 1

${spec === undefined ? llama(c, scaling) : `import { ${model} } from "./${spec}"`}
recipe Step for ${model} {
  data = text("none/*.txt", tokenizer: bytes(), sequence: ${c.sequence})
  optimizer = adamw(lr: 1e-3, betas: [0.9, 0.95])
  schedule = constant()
  batch = ${c.batch} sequences
  length = 10_000 steps
  clip = global_norm(1.0)
  precision = ${precision}
  ${set}
  decay { * => constant(0.1) }
}
`;
  const checked = analyze("bench.arch", {
    read: (path) => (path === "bench.arch" ? text : readFileSync(path, "utf8")),
    resolveImport: (importer, path) => ({ path: join(importer, "..", path) }),
  });
  if (checked.spec === undefined)
    throw new Error(checked.diagnostics.map((d) => `${d.code} ${d.message}`).join("\n"));
  const chosen = choose(checked.spec, { model, recipe: "Step" }, true);
  return { entry: "bench.arch", checked, model: chosen.model, recipe: chosen.recipe };
};
