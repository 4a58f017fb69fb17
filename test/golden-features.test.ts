// Each complaint of a feature as people read it: golden/features/<name>/{input.arch, diagnostics.txt}, checked with every
// feature at hand. UPDATE=1 writes missing inputs from the catalogue's examples, and all outputs; review them as prose.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { analyze } from "../src/compiler/analyze.ts";
import { render } from "../src/compiler/diagnostics/render.ts";
import { features } from "../src/compiler/features/index.ts";
import { catalogue } from "../src/compiler/words.ts";

const root = new URL("./golden/features/", import.meta.url);
const update = process.env["UPDATE"] !== undefined;
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
const base = read("base.arch");

const entries = features.flatMap((feature) => feature.vocabulary.diagnostics ?? []);
const folders = readdirSync(root, { withFileTypes: true }).flatMap((e) =>
  e.isDirectory() ? [e.name] : [],
);
const cases = [...new Set([...entries.map((entry) => entry.name), ...folders])];

/** An example as a file of its own: it extends `Base`, or stands alone. */
const whole = (example: string): string =>
  /\bBase\b/.test(example)
    ? `spec 1\n\nimport { Base } from "./base.arch"\n\n${example}\n`
    : `spec 1\n\n${example}\n`;

const checked = (text: string): ReturnType<typeof analyze> =>
  analyze("input.arch", {
    read: (path) => (path === "input.arch" ? text : path === "base.arch" ? base : undefined),
    resolveImport: (_from, spec) => ({ path: spec.replace("./", "") }),
  });
const shown = ({ diagnostics, sources }: ReturnType<typeof analyze>): string =>
  render(diagnostics, sources, { format: "text", unicode: true, catalogue, version: "0.0.0" });

describe("complaints of features", () => {
  test("have each code and name once", () => {
    expect(new Set(catalogue.map((e) => e.code)).size).toBe(catalogue.length);
    expect(new Set(catalogue.map((e) => e.name)).size).toBe(catalogue.length);
  });
  test.each(cases)("%s", (name) => {
    const entry = entries.find((e) => e.name === name);
    const [input, output] = [`${name}/input.arch`, `${name}/diagnostics.txt`];
    if (update && !existsSync(new URL(input, root)) && entry !== undefined) {
      mkdirSync(new URL(`${name}/`, root), { recursive: true });
      writeFileSync(new URL(input, root), whole(entry.wrong));
    }
    const result = checked(read(input));
    const text = shown(result);
    if (update) writeFileSync(new URL(output, root), text);
    expect(text).toBe(read(output));
    if (entry !== undefined) expect(result.diagnostics.map((d) => d.name)).toContain(name);
  });
  test.each(entries)("$name: the right example is right", ({ right }) => {
    expect(shown(checked(whole(right)))).toBe("");
  });
});
