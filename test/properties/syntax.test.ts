// Laws of reading and formatting: reading always ends and never throws; formatting keeps the tree and the comments, and
// formatting twice is formatting once.
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { syntaxDiagnostics } from "../../src/compiler/diagnostics/catalogue.ts";
import { render } from "../../src/compiler/diagnostics/render.ts";
import { parse } from "../../src/compiler/syntax/parse.ts";
import { formatSource } from "../../src/format/format.ts";
import { checkText } from "../golden/semantics/world.ts";
import { commentsOf, comparable, program, tokenSoup } from "../helpers/arbitraries-arch.ts";

const folder = new URL("../golden/format/", import.meta.url);
const specs = readdirSync(folder).map((name) =>
  readFileSync(new URL(`${name}/input.arch`, folder), "utf8"),
);

/** Reads and lays out whatever is reported; spans lie in the text, at most one syntax error a line. */
function survives(text: string): void {
  const source = { id: 0, path: "x.arch", text };
  const { diagnostics } = parse(source);
  for (const { at, notes, fixes } of diagnostics)
    for (const span of [
      at,
      ...notes.map((note) => note.at),
      ...fixes.flatMap((fix) => fix.edits.map((edit) => edit.at)),
    ]) {
      expect(span.start).toBeGreaterThanOrEqual(0);
      expect(span.end).toBeGreaterThanOrEqual(span.start);
      expect(span.end).toBeLessThanOrEqual(text.length);
    }
  for (const format of ["text", "json", "sarif", "github"] as const)
    render(diagnostics.slice(0, 3), [source], {
      format,
      catalogue: syntaxDiagnostics,
      version: "0",
    });
}

test("any text", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme", maxLength: 300 }), survives));
});

test("any tokens", () => {
  fc.assert(fc.property(tokenSoup, survives), { numRuns: 400 });
});

test("specs with a piece cut out, doubled or replaced", () => {
  const mutated = fc
    .tuple(
      fc.constantFrom(...specs),
      fc.nat(),
      fc.nat(40),
      fc.constantFrom("", "}", "(", "\n", "=", "if ", '"', "@"),
    )
    .map(([text, from, length, put]) => {
      const start = from % text.length;
      return text.slice(0, start) + put + text.slice(start + length);
    });
  fc.assert(fc.property(mutated, survives), { numRuns: 200 });
});

test("depth is bounded before parsing", () => {
  for (const [open, close] of [
    ["(", ")"],
    ["[", "]"],
    ["f(", ")"],
    ["{", "}"],
    ["if ", ""],
    ["if a then b else ", ""],
    ["not ", ""],
    ["- ", ""],
  ] as const)
    for (const count of [65, 20_000]) {
      survives(`let a = ${open.repeat(count)}1${close.repeat(count)}\nlet b = 2\n`);
      survives(`model M {\n  a = ${open.repeat(count)}\n}\nlet b = 2\n`);
    }
});

test("the rest of a value that is too deep is given up, and nothing else", () => {
  const deep = "[".repeat(20_000);
  for (const [text, names] of [
    [
      `model M {\n  a = ${deep}1 +\n  b = 2 2\n}\nlet c = 1 +\n`,
      "too-deep unexpected missing-value",
    ],
    [`model M {\n  a = ${deep}1\n}\nlet c = 1 +\n`, "too-deep missing-value"],
    [`model M {\n  a = ${deep}${")]".repeat(20_000)}\n}\n`, "too-deep"],
    [`let a = ${deep}${"]".repeat(20_000)}\nlet c = 1 +\n`, "too-deep missing-value"],
    [
      `model M { ${"m { ".repeat(40)}a = 1${" }".repeat(40)} }\nlet c = 1 +\n`,
      "too-deep missing-value",
    ],
  ] as const) {
    const { diagnostics } = parse({ id: 0, path: "x.arch", text });
    expect(diagnostics.map(({ name }) => name).join(" ")).toBe(names);
  }
});

test("chains of any length are read, checked and formatted", async () => {
  const text = `spec 1\nlet a = ${"1 + ".repeat(30_000)}1\nlet b = ${"x == 1 and ".repeat(4000)}true\nlet x = 1\n`;
  survives(text);
  const { diagnostics } = checkText(text, {});
  expect(diagnostics).toEqual([]);
  const once = await formatSource(text);
  expect(once.ok && (await formatSource(once.text))).toEqual(once);
});

test("long files of errors end soon", () => {
  const started = performance.now();
  survives("a = = @ 3 ) ( b c\n".repeat(1000));
  survives(`model M {\n${"  a b 3 4 5\n".repeat(500)}}\n`);
  expect(performance.now() - started).toBeLessThan(15_000);
});

test("formatting keeps the tree and the comments, and is idempotent", async () => {
  let formatted = 0;
  await fc.assert(
    fc.asyncProperty(program, async (text) => {
      const once = await formatSource(text);
      if (!once.ok) return;
      formatted++;
      expect(comparable(once.text)).toEqual(comparable(text));
      expect(commentsOf(once.text)).toEqual(commentsOf(text));
      expect(await formatSource(once.text)).toEqual(once);
    }),
    { numRuns: 300 },
  );
  expect(formatted).toBeGreaterThan(200);
});
