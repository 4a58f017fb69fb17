// The formatter on real specs: test/golden/format/<case>/{input.arch,formatted.arch}; UPDATE=1 rewrites the answers.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "../src/compiler/syntax/parse.ts";
import { formatSource } from "../src/format/format.ts";
import { comparable, commentsOf } from "./helpers/arbitraries-arch.ts";

const folder = new URL("./golden/format/", import.meta.url);

test.each(readdirSync(folder))("%s", async (name) => {
  const text = readFileSync(new URL(`${name}/input.arch`, folder), "utf8");
  expect(parse({ id: 0, path: "input.arch", text }).diagnostics).toEqual([]);
  const formatted = await formatSource(text);
  if (!formatted.ok) throw new Error("has no diagnostics, and yet is not formatted");
  const file = new URL(`${name}/formatted.arch`, folder);
  if (process.env["UPDATE"] !== undefined || !existsSync(file)) writeFileSync(file, formatted.text);
  expect(formatted.text).toBe(readFileSync(file, "utf8"));
  expect(await formatSource(formatted.text)).toEqual(formatted);
  expect(comparable(formatted.text)).toEqual(comparable(text));
  expect(commentsOf(formatted.text)).toEqual(commentsOf(text));
});

test("a doc comment in a head documents nothing before and after", async () => {
  const text =
    "model M /// a\n( /// of n\nn: int) // b\n/// c\nextends B {\n/// of x\nx = 1\nblocks 3\n/// d\n{ y = 2 } }\n";
  const formatted = await formatSource(text);
  expect(formatted).toEqual({
    ok: true,
    text: [
      "model M /// a",
      "(",
      "  /// of n",
      "  n: int,",
      ") extends B // b",
      "/// c",
      "{",
      "  /// of x",
      "  x = 1",
      "  blocks 3 /// d",
      "  { y = 2 }",
      "}\n",
    ].join("\n"),
  });
  expect(formatted.ok && comparable(formatted.text)).toEqual(comparable(text));
});

test("plain comments before a body go into it, however many", async () => {
  const formatted = await formatSource("model M // a\n// b\n{}\nmodel N // c\n// d\n{ x = 1 }\n");
  expect(formatted).toEqual({
    ok: true,
    text: "model M {\n  // a\n  // b\n}\nmodel N {\n  // c\n  // d\n  x = 1\n}\n",
  });
});

test("a broken file is left alone, with its diagnostics", async () => {
  const formatted = await formatSource("model M {\n  context =\n}\n");
  expect(formatted.ok ? [] : formatted.diagnostics.map(({ name }) => name)).toEqual([
    "missing-value",
  ]);
});

test("line ends and the byte-order mark are made plain", async () => {
  expect(await formatSource("\uFEFFspec 1\r\n\r\n\r\nlet a=1\r\n")).toEqual({
    ok: true,
    text: "spec 1\n\nlet a = 1\n",
  });
});
