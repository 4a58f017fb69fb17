// What the types of catalogues refuse: each line below that is marked would be a type error, and is none at run time.
import { expect, test } from "vitest";
import { lexer } from "../../../grammar/tokens.ts";
import { reportTo } from "../semantics/context.ts";
import type { Report as SyntaxReport } from "../syntax/problems.ts";
import { entry, type Complaint, type Found } from "./entry.ts";

const at = { file: 0, start: 0, end: 1 };
const own = [
  entry(9998, "too-large", "{found} is above {most}", "…", "…", "…"),
  entry(9999, "not-meant", "this cannot be meant", "…", "…", "…", "warning"),
] as const;

test("names and arguments of complaints are those of a catalogue", () => {
  const found: Found[] = [];
  const report = reportTo((one) => void found.push(one));
  report("out-of-range", at, { found: 3, range: "below 2" }, { help: ["use 1"] });
  report("division-by-zero", at);
  // @ts-expect-error no such name
  report("division-by-nought", at);
  // @ts-expect-error an argument is missing
  report("out-of-range", at, { found: 3 });
  // @ts-expect-error the message has no place for it
  report("division-by-zero", at, { found: 3 });
  expect(found.map(({ name, args }) => [name, Object.keys(args).length])).toEqual([
    ["out-of-range", 2],
    ["division-by-zero", 0],
    ["division-by-nought", 0],
    ["out-of-range", 1],
    ["division-by-zero", 1],
  ]);
});

test("what a table's check finds is of its own catalogue", () => {
  const complaints: readonly Complaint<(typeof own)[number]>[] = [
    { name: "too-large", args: { found: 3, most: 2 }, at: "size" },
    { name: "not-meant", args: {} },
    // @ts-expect-error of another catalogue
    { name: "out-of-range", args: { found: 3, range: "below 2" } },
    // @ts-expect-error an argument is missing
    { name: "too-large", args: { found: 3 } },
  ];
  expect(own.map(({ code, severity }) => `${code} ${severity}`)).toEqual([
    "SPC9998 error",
    "SPC9999 warning",
  ]);
  expect(complaints.map(({ name }) => name)).toEqual([
    ...["too-large", "not-meant", "out-of-range", "too-large"],
  ]);
});

test("so are the complaints of reading", () => {
  const names: string[] = [];
  const report: SyntaxReport = (...told) => void names.push(told[0]);
  const token = lexer.tokenize(")").tokens[0]!;
  report("stray-bracket", { at: token }, { close: ")" });
  // @ts-expect-error an argument is missing
  report("stray-bracket", { at: token });
  // @ts-expect-error no such name
  report("stray-brackets", { at: token }, { close: ")" });
  expect(names).toEqual(["stray-bracket", "stray-bracket", "stray-brackets"]);
});
