// The studies' models check without a word, and what is written down of them is of models that there are.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { analyze } from "../src/compiler/analyze.ts";

const folder = fileURLToPath(new URL("../studies/", import.meta.url));
const read = (path: string): string => readFileSync(join(folder, path), "utf8");
const checked = (name: string) =>
  analyze(name, { read, resolveImport: (_from, spec) => ({ path: spec }) });

describe("studies", () => {
  it.each(readdirSync(folder).filter((name) => name.endsWith(".arch")))("%s checks", (name) => {
    expect(checked(name).diagnostics.map((d) => `${d.code} ${d.message}`)).toEqual([]);
  });
  it.each(readdirSync(join(folder, "results")))("%s is of models of its study", (file) => {
    const { study, arms } = JSON.parse(read(join("results", file))) as {
      readonly study: string;
      readonly arms: readonly { readonly name: string; readonly runs: readonly unknown[] }[];
    };
    const models = checked(`${study}.arch`).spec?.models ?? {};
    for (const { name, runs } of arms) {
      expect(Object.keys(models)).toContain(name);
      expect(runs.length).toBeGreaterThanOrEqual(3);
    }
  });
});
