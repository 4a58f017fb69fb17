// The reference specs: each file checks without a word, and each model has the number of parameters that its paper's
// configurations have (paper note of GPAS, section 6).
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { analyze } from "../../src/compiler/analyze.ts";
import { features } from "../../src/compiler/features/index.ts";
import { createBuilder } from "../../src/compiler/ir/builder.ts";
import { createStage } from "../../src/compiler/model/kinds.ts";
import { createParameters } from "../../src/compiler/model/parameters.ts";
import { decoder } from "../../src/compiler/model/transformer.ts";
import type { ModelSpec } from "../../src/compiler/semantics/spec.ts";

const folder = fileURLToPath(new URL("../../specs/", import.meta.url));
const names = readdirSync(folder).filter((name) => name.endsWith(".arch"));
const results = names.map((name) =>
  analyze(name, {
    read: (path) => readFileSync(folder + path, "utf8"),
    resolveImport: (_from, spec) => ({ path: spec.replace("./", "") }),
  }),
);
const models: Readonly<Record<string, ModelSpec>> = Object.fromEntries(
  results.flatMap((r) => Object.entries(r.spec?.models ?? {})),
);

const parameters = (name: string): readonly { readonly name: string; readonly count: number }[] => {
  const model = models[name];
  if (model === undefined) throw new Error(`no model ${name}`);
  const b = createBuilder();
  const params = createParameters(b);
  const one = { name: "", size: 1 };
  const ids = b.emit("input", [], { name: "ids", dtype: "i32", shape: [one, one] });
  decoder(createStage(b, params, features), model, ids);
  return params
    .list()
    .map((p) => ({ name: p.name, count: p.shape.reduce((n, d) => n * d.size, 1) }));
};
const total = (name: string): number => parameters(name).reduce((sum, p) => sum + p.count, 0);

describe("reference specs", () => {
  it.each(names.map((name, i) => [name, results[i]!] as const))(
    "%s has nothing to complain about",
    (_name, result) => {
      expect(result.diagnostics.map((d) => `${d.code} ${d.message}`)).toEqual([]);
    },
  );
  it.each([
    ["Llama", 70.6],
    ["Llama130M", 134.1],
    ["Llama250M", 247.4],
    ["Llama350M", 368.0],
    ["Llama1B", 1339],
  ])("%s has %d M parameters", (name, millions) => {
    expect(Math.abs(total(name) / 1e6 - millions)).toBeLessThan(millions >= 1000 ? 0.5 : 0.05);
  });
  it.each([
    ["GpasLlama", "Llama", 12],
    ["GpasPerSubLayer", "Llama", 24],
    ["GpasOnBranch", "Llama", 12],
    ["GpasOfficial", "Llama", 12],
    ["GpasMix", "MixLlama", 12],
  ])("%s is %s and %d gates", (name, base, gates) => {
    expect(total(name)).toBe(total(base) + gates);
    expect(parameters(name).filter((p) => p.name.includes(".gpas."))).toHaveLength(gates);
  });
});
