import { expect, test } from "vitest";
import type { Args, DiagnosticEntry } from "./entry.ts";
import { render, type RenderOptions } from "./render.ts";
import { Reporter } from "./report.ts";
import { editDistance, suggest } from "../../bundle/suggest.ts";
import { InternalError, type Details, type Source, type Span } from "./types.ts";

const catalogue: readonly DiagnosticEntry[] = [
  {
    code: "SPC3012",
    name: "head-dim-mismatch",
    severity: "error",
    message: "hidden_size {size} is not divisible by heads {heads}",
    why: "Every head takes an equal share.",
    wrong: "",
    right: "",
  },
];
const main: Source = {
  id: 0,
  path: "models/tiny.arch",
  text: "model 𝒳 {\n  hidden_size = 770\n\n\n  attention = gqa(heads: 12)\n}\n",
};
const other: Source = { id: 1, path: "base,1.arch", text: "spec 1\nlet heads = 12\n" };

const place = (source: Source, text: string) => {
  const start = source.text.indexOf(text);
  return { file: source.id, start, end: start + text.length };
};
const tell = (to: Reporter, name: string, at: Span, args: Args = {}, details: Details = {}): void =>
  to.report({ name, at, args, details });
const reporter = new Reporter(catalogue);
for (const [at, note] of [
  [place(main, "heads: 12"), "× …"],
  [place(main, "heads: 12"), "× …"],
] as const)
  tell(
    reporter,
    "head-dim-mismatch",
    at,
    { size: 770, heads: 12 },
    {
      label: "each head would get 64.17 channels",
      notes: [
        { at: place(main, "770"), text: "hidden_size is set here" },
        { at: place(other, "12"), text: "the number of heads" },
      ],
      help: [`use hidden_size = 768 (12 ${note.charAt(0)} 64)`],
      fixes: [
        {
          title: "Set hidden_size to 768",
          edits: [{ at: place(main, "770"), newText: "768" }],
          applicability: "suggestion",
        },
      ],
    },
  );
const show = (options: Partial<RenderOptions>): string =>
  render(reporter.diagnostics, [main, other], {
    format: "text",
    catalogue,
    version: "0.1.0",
    ...options,
  });

test("the same complaint at the same place counts once", () => {
  expect(reporter.errorCount).toBe(1);
});

test("text shows all places, in both files", () => {
  expect(show({})).toBe(`error[SPC3012] hidden_size 770 is not divisible by heads 12
 ┌─ models/tiny.arch:5:19
 │
2│   hidden_size = 770
 │                 --- hidden_size is set here
 …
5│   attention = gqa(heads: 12)
 │                   ^^^^^^^^^ each head would get 64.17 channels
 ┌─ base,1.arch:2:13
 │
2│ let heads = 12
 │             -- the number of heads
 │
 = help: use hidden_size = 768 (12 × 64)
 = note: specc explain SPC3012
`);
});

test("plain terminals get plain signs", () => {
  expect(show({ unicode: false })).toMatch(/^[\x00-\x7f]*$/);
});

test("colours and links change nothing else", () => {
  const linked = show({ color: true, page: "file:///specc/docs/diagnostics.md" });
  expect(linked).toContain("\u001B]8;;file:///specc/docs/diagnostics.md#spc3012\u001B\\SPC3012");
  expect(linked.replace(/\u001B(\[[\d;]*m|\]8;;.*?\u001B\\)/g, "")).toBe(show({}));
});

/** Complaints about `text`, each at a span of it. */
const complain = (
  text: string,
  spans: readonly (readonly [number, number])[],
  unicode = true,
): string => {
  const source: Source = { id: 0, path: "long.arch", text };
  const one = new Reporter(catalogue);
  for (const [start, end] of spans)
    tell(one, "head-dim-mismatch", { file: 0, start, end }, { size: start, heads: 12 });
  return render(one.diagnostics, [source], { format: "text", unicode, catalogue, version: "0" });
};

test("a long line is shown around its mark", () => {
  const text = `${"a".repeat(5000)} here ${"b".repeat(5000)}`;
  for (const unicode of [true, false]) {
    const [, , , line, mark] = complain(text, [[5001, 5005]], unicode).split("\n");
    expect(line!.length).toBeLessThan(160);
    expect(line!.slice(mark!.indexOf("^"), mark!.lastIndexOf("^") + 1)).toBe("here");
  }
});

test("what moves the cursor or turns the text around is not shown", () => {
  const shown = complain("a \u001B[2J \u202E b", [[12 - 2, 12 - 1]]);
  expect(shown).toContain("a \uFFFD[2J \uFFFD b");
  expect(shown).not.toMatch(/[\u001B\u202E]/);
});

test("of many complaints about a file the first are shown, and the others counted", () => {
  const text = "x ".repeat(50);
  const shown = complain(
    text,
    Array.from({ length: 50 }, (_, i) => [2 * i, 2 * i + 1] as const),
  );
  expect(shown.match(/^error/gm)).toHaveLength(20);
  expect(shown).toMatch(/\n… and 30 more in long\.arch\n$/);
});

test("json counts code points", () => {
  const { diagnostics, summary } = JSON.parse(show({ format: "json" })) as {
    summary: object;
    diagnostics: { range: object; url: string }[];
  };
  expect(summary).toEqual({ errors: 1, warnings: 0, valid: false });
  expect(diagnostics[0]?.range).toEqual({
    file: "models/tiny.arch",
    start: { line: 5, column: 19, offset: main.text.indexOf("heads") },
    end: { line: 5, column: 28, offset: main.text.indexOf("heads") + 9 },
  });
  expect(diagnostics[0]?.url).toBe("docs/diagnostics.md#spc3012");
  expect(show({ format: "ndjson" }).trim().split("\n")).toHaveLength(1);
});

test("sarif names the rule and the places", () => {
  const { runs } = JSON.parse(show({ format: "sarif" })) as {
    runs: { results: { ruleId: string; ruleIndex: number; relatedLocations: object[] }[] }[];
  };
  const result = runs[0]?.results[0];
  expect([result?.ruleId, result?.ruleIndex, result?.relatedLocations.length]).toEqual([
    "SPC3012",
    0,
    2,
  ]);
});

test("github escapes", () => {
  expect(show({ format: "github" })).toBe(
    "::error file=models/tiny.arch,line=5,col=19,endLine=5,endColumn=28,title=SPC3012::" +
      "hidden_size 770 is not divisible by heads 12%0Ahelp: use hidden_size = 768 (12 × 64)\n",
  );
});

test("an unknown name, or a missing argument, is the compiler's own mistake", () => {
  expect(() => tell(reporter, "nothing", place(main, "770"))).toThrow(InternalError);
  expect(() => tell(reporter, "head-dim-mismatch", place(main, "770"), { size: 1 })).toThrow(
    /"heads"/,
  );
});

test("suggestions are near, and swaps count once", () => {
  expect(editDistance("rmsnrom", "rmsnorm")).toBe(1);
  expect(suggest("rmsnrom", ["layernorm", "rmsnorm", "dyt"])).toBe("rmsnorm");
  expect(suggest("rope", ["learned", "alibi"])).toBeUndefined();
  expect(suggest("layer", ["layers", "later"])).toBe("layers");
});
