// Golden text of syntax errors: test/golden/syntax/<case>/{input.arch,diagnostics.txt}. UPDATE=1 rewrites the answers;
// their diff is reviewed as prose. Every code of the catalogue has a case.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { syntaxDiagnostics } from "../src/compiler/diagnostics/catalogue.ts";
import { render } from "../src/compiler/diagnostics/render.ts";
import type { Diagnostic } from "../src/compiler/diagnostics/types.ts";
import { parse } from "../src/compiler/syntax/parse.ts";

const folder = new URL("./golden/syntax/", import.meta.url);
const cases = readdirSync(folder);

const read = (text: string): readonly Diagnostic[] =>
  parse({ id: 0, path: "input.arch", text }).diagnostics;
const show = (text: string): string =>
  render(read(text), [{ id: 0, path: "input.arch", text }], {
    format: "text",
    catalogue: syntaxDiagnostics,
    version: "0.0.0",
  });

test.each(cases)("%s", (name) => {
  const text = readFileSync(new URL(`${name}/input.arch`, folder), "utf8");
  const file = new URL(`${name}/diagnostics.txt`, folder);
  const found = show(text);
  if (process.env["UPDATE"] !== undefined || !existsSync(file)) writeFileSync(file, found);
  expect(found).toBe(readFileSync(file, "utf8"));
});

test.each(syntaxDiagnostics.map((entry) => [entry.code, entry] as const))(
  "the example of %s is wrong, and right, as it says",
  (code, entry) => {
    expect(read(entry.wrong).map((one) => one.code)).toEqual([code]);
    expect(read(entry.right)).toEqual([]);
  },
);

test("every code has a golden case", () => {
  const all = cases.map((name) => readFileSync(new URL(`${name}/diagnostics.txt`, folder), "utf8"));
  const missing = syntaxDiagnostics.filter(({ code }) => !all.some((text) => text.includes(code)));
  expect(missing.map(({ code }) => code)).toEqual([]);
});

test.each(cases)("automatic fixes of %s are right", (name) => {
  const text = readFileSync(new URL(`${name}/input.arch`, folder), "utf8");
  const automatic = read(text)
    .flatMap(({ fixes }) => fixes)
    .filter(({ applicability }) => applicability === "automatic")
    .flatMap(({ edits }) => edits)
    .sort((a, b) => b.at.start - a.at.start);
  const fixed = automatic.reduce(
    (all, { at, newText }) => all.slice(0, at.start) + newText + all.slice(at.end),
    text,
  );
  if (automatic.length > 0) expect(read(fixed).length).toBeLessThan(read(text).length);
});
