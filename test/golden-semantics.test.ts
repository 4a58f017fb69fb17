// Each complaint of the checker as people read it: golden/semantics/<name>/{input.arch, diagnostics.txt}.
// UPDATE=1 writes missing inputs from the catalogue's examples, and all outputs; review them as prose.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { catalogue } from "../src/compiler/semantics/catalogue.ts";
import { checkText, shown } from "./golden/semantics/world.ts";

const root = new URL("./golden/semantics/", import.meta.url);
const update = process.env["UPDATE"] !== undefined;
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
const files = { "base.arch": read("base.arch"), "cycle.arch": read("cycle.arch") };

/** What a `--set` mistake needs beside the text. */
const set: Readonly<Record<string, { readonly key: string; readonly value: string }>> = {
  "unknown-set": { key: "hiden_size", value: "64" },
  "unreadable-set": { key: "heads", value: "2 +" },
};
/** Cases that no text alone can show: test/cli shows them. */
const ofFiles: ReadonlySet<string> = new Set(["entry-missing", "data-missing"]);

/** They are about what `whole` adds. */
const about: ReadonlySet<string> = new Set(["missing-edition", "empty-file"]);

const whole = (example: string): string => {
  const wanted = ["Base", "Train"].filter((name) =>
    new RegExp(`(extends|for|= |let x = )\\s*${name}\\b`).test(example),
  );
  const names = wanted.filter((name) => !new RegExp(`${name} as|as ${name}`).test(example));
  if (example.startsWith("spec")) return `${example}\n`;
  const line = `import { ${names.join(", ")} } from "./base.arch"\n\n`;
  return `spec 1\n\n${names.length === 0 ? "" : line}${example}\n`;
};

const run = (name: string, text: string): ReturnType<typeof checkText> => {
  const extra = set[name];
  return checkText(text, files, extra === undefined ? [] : [extra]);
};

const names = readdirSync(root, { withFileTypes: true }).flatMap((e) =>
  e.isDirectory() ? [e.name] : [],
);
const cases = [...new Set([...catalogue.map((entry) => entry.name), ...names])].filter(
  (name) => !ofFiles.has(name),
);

describe("the catalogue", () => {
  test("has each code and name once", () => {
    expect(new Set(catalogue.map((e) => e.code)).size).toBe(catalogue.length);
    expect(new Set(catalogue.map((e) => e.name)).size).toBe(catalogue.length);
  });

  test.each(cases)("%s", (name) => {
    const entry = catalogue.find((e) => e.name === name);
    const input = `${name}/input.arch`;
    if (update && !existsSync(new URL(input, root)) && entry !== undefined) {
      mkdirSync(new URL(`${name}/`, root), { recursive: true });
      writeFileSync(
        new URL(input, root),
        about.has(name) ? `${entry.wrong}\n` : whole(entry.wrong),
      );
    }
    const result = run(name, read(input));
    const text = shown(result);
    const output = `${name}/diagnostics.txt`;
    if (update) writeFileSync(new URL(output, root), text);
    expect(text).toBe(read(output));
    if (entry !== undefined) expect(result.diagnostics.map((d) => d.name)).toContain(name);
  });

  test.each(catalogue.filter((e) => !(e.name in set) && !ofFiles.has(e.name)))(
    "$name: the right example is right",
    ({ right }) => {
      expect(shown(checkText(whole(right), files))).toBe("");
    },
  );
});
