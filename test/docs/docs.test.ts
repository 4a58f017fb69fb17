// The documentation holds what it says: its `.arch` examples check without a word, its generated parts are the tables', the
// commands of the README exist.
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { describe, expect, test } from "vitest";
import { analyze } from "../../src/compiler/analyze.ts";
import { PAGE } from "../../src/compiler/diagnostics/page.ts";
import { generatedPages, generatedParts } from "../../src/compiler/generated-docs.ts";
import { formatSource } from "../../src/format/format.ts";
import { project, specc } from "../cli/run.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string): string => readFileSync(root + path, "utf8");
const pages = ["", "docs", "examples", "src/compiler/features"].flatMap((folder) =>
  readdirSync(root + folder, { recursive: folder !== "", encoding: "utf8" })
    .filter((name) => name.endsWith(".md") && !name.includes("run"))
    .map((name) => (folder === "" ? name : `${folder}/${name}`))
    .sort(),
);

/** What examples import: the baseline of the reference specs, under the name they give it. */
const files = {
  "llama.arch": read("specs/llama.arch"),
};

/** Fenced blocks of a language, with the line they begin at. */
const blocks = (page: string, language: string): readonly { line: number; text: string }[] =>
  [...read(page).matchAll(new RegExp("^```" + language + "\\n([\\s\\S]*?)^```", "gm"))].map(
    (match) => ({
      line: read(page).slice(0, match.index).split("\n").length,
      text: match[1] ?? "",
    }),
  );

/** The page of diagnostics is full of mistakes; test/golden checks that its examples do what they say. */
const examples = pages
  .filter((page) => page !== PAGE)
  .flatMap((page) =>
    blocks(page, "arch")
      .filter(({ text }) => /^(spec|import|export|model|recipe|let|block)\b|^\/\/\//.test(text))
      .map(({ line, text }) => ({ name: `${page}:${line}`, text })),
  );

describe("examples in the documentation", () => {
  test("there are some", () => {
    expect(examples.length).toBeGreaterThan(1);
  });
  test.each(examples)("$name", ({ text }) => {
    const whole = text.startsWith("spec") ? text : `spec 1\n\n${text}`;
    const result = analyze("example.arch", {
      read: (path) => (path === "example.arch" ? whole : files[path as keyof typeof files]),
      resolveImport: (_from, spec) => ({ path: spec.replace("./", "") }),
    });
    expect(result.diagnostics.map((d) => `${d.code} ${d.message}`)).toEqual([]);
  });
  test.each(examples)("$name is laid out as specc fmt does it", async ({ text }) => {
    expect(await formatSource(text)).toEqual({ ok: true, text });
  });
});

test.each(generatedParts())(
  "$path: $name is up to date (npm run docs)",
  async ({ path, name, text }) => {
    const page = read(path);
    const marks = [`<!-- generated:${name} -->`, `<!-- /generated:${name} -->`] as const;
    const held = page.slice(page.indexOf(marks[0]) + marks[0].length, page.indexOf(marks[1]));
    const wanted = await format(text, { parser: "markdown", printWidth: 100 });
    expect(held.trim()).toBe(wanted.trim());
  },
);

test.each(generatedPages())("$path is up to date (npm run docs)", async ({ path, after, text }) => {
  const whole = after === undefined ? text : `${read(after)}\n${text}`;
  expect(read(path)).toBe(await format(whole, { parser: "markdown", printWidth: 100 }));
});

test("every command of the README is a command", async () => {
  const { out } = await specc(["--help"], { cwd: root });
  const commands = [...out.matchAll(/^ {2}(\w+)/gm)].map((match) => match[1]);
  const named = [...read("README.md").matchAll(/^\|.*\|$/gm)].flatMap(([row]) =>
    [...row.matchAll(/`specc (\w+)/g)].map((match) => match[1]),
  );
  expect(named.length).toBeGreaterThan(5);
  for (const name of named) expect(commands).toContain(name);
});

test("options of the README's table are options of their commands", async () => {
  const rows = [...read("README.md").matchAll(/^\| `specc (\w+).*\|$/gm)];
  const options = rows.flatMap(([row, command]) =>
    [...row.matchAll(/--[\w-]+/g)].map(([option]) => ({ command: command!, option })),
  );
  expect(options.length).toBeGreaterThan(1);
  for (const { command, option } of options)
    expect((await specc([command, "--help"], { cwd: root })).out).toContain(option);
});

test("what the README says uses the trained weights finds them in the run", async () => {
  const [run = ""] = read("README.md").match(/(?<=^\| `specc eval )\S+(?=`)/m) ?? [];
  const cwd = project();
  const trained = await specc(["train", "model.arch", "--engine", "cpu", "-q"], { cwd });
  expect([trained.code, trained.err]).toEqual([0, ""]);
  const found = await specc(["eval", run, "--engine", "cpu", "--json"], { cwd });
  expect(found.code).toBe(0);
  expect(JSON.parse(found.out)).toMatchObject({ weights: "runs/Train/model.safetensors" });
});
