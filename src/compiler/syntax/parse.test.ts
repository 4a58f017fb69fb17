// What reading makes of single constructs; messages have their golden cases in test/golden/syntax.
import { expect, test } from "vitest";
import type { Definition, Expr, LetDecl } from "./ast.ts";
import { parse } from "./parse.ts";

const read = (text: string) => parse({ id: 0, path: "x.arch", text });
const valueOf = (text: string): Expr => {
  const { ast, diagnostics } = read(`let a = ${text}`);
  expect(diagnostics).toEqual([]);
  return (ast.decls[0] as LetDecl).value;
};
const definition = (text: string): Definition => read(text).ast.decls[0] as Definition;

test.each([
  ["32_000", 32000, undefined],
  ["1e-3", 0.001, undefined],
  ["2.5B tokens", 2.5e9, "tokens"],
  ["24 GiB", 24, "GiB"],
  ["24GiB", 24, "GiB"],
  ["10%", 10, "%"],
  ["75% parameters", 75, "% parameters"],
  ["5min", 5, "min"],
  ["3epochs", 3, "epochs"],
  ["12k", 12000, undefined],
])("number %s", (text, value, unit) => {
  const found = valueOf(text);
  expect(found).toMatchObject({ kind: "number", value });
  expect(found.kind === "number" ? found.unit?.text : "").toBe(unit);
});

test("operators bind as usual, and to the left", () => {
  const show = (expr: Expr): string => {
    if (expr.kind === "binary") return `(${show(expr.left)} ${expr.op} ${show(expr.right)})`;
    if (expr.kind === "unary") return `(${expr.op} ${show(expr.operand)})`;
    if (expr.kind === "number") return expr.text;
    return expr.kind === "reference" ? expr.path.map(({ text }) => text).join(".") : expr.kind;
  };
  expect(show(valueOf("a - b - c * -2 < d and not e.f or g"))).toBe(
    "(((((a - b) - (c * (- 2))) < d) and (not e.f)) or g)",
  );
});

test("strings hold what their escapes mean", () => {
  expect(valueOf('"a\\"\\\\\\n\\t\\u{1F600}"')).toMatchObject({ value: 'a"\\\n\t😀' });
});

test("several settings on a line, and `*` that begins a rule", () => {
  const { body } = definition(
    "recipe R { a = 3 steps b = 2 * 3 train { x, y => lora(r: 16) * => frozen } }",
  );
  expect(
    body.entries.map((entry) => (entry.kind === "setting" ? entry.name.text : "rule")),
  ).toEqual(["a", "b", "train"]);
  const train = body.entries[2];
  expect(train?.kind === "setting" ? train.body?.entries.length : 0).toBe(2);
});

test("a value may stand on a line of its own", () => {
  const { ast, diagnostics } = read(
    "recipe R {\n  a =\n    none\n  b = 3\n  q =>\n    none\n  c => none\n}",
  );
  expect(diagnostics).toEqual([]);
  expect((ast.decls[0] as Definition).body.entries.length).toBe(4);
});

test("docs belong to what follows", () => {
  const { doc, params, body } = definition(
    "/// One.\n/// Two.\nmodel M(\n  /// p\n  a: int\n) {\n  /// s\n  x = 1\n}",
  );
  expect([doc, params[0]?.doc, body.entries[0]?.doc]).toEqual(["One.\nTwo.", "p", "s"]);
});

test("a word of the language is a key where a key is due", () => {
  const { ast, diagnostics } = read(
    "sweep S {\n  model = Llama\n  over in in [a]\n  for = 1\n  let = 2\n  spec = 3\n}",
  );
  expect(diagnostics).toEqual([]);
  expect((ast.decls[0] as Definition).body.entries).toHaveLength(5);
});

test("an error keeps the rest: the key stands, its value is unknown, nothing else is lost", () => {
  const { ast, diagnostics } = read(
    "model M {\n  a = = 3\n  b = 4\n  c 5\n  d = f(1, , 2)\n}\nlet x = 1",
  );
  expect(diagnostics).toHaveLength(3);
  const [model, binding] = ast.decls;
  expect(binding).toMatchObject({ kind: "let", value: { kind: "number" } });
  expect(model).toMatchObject({
    body: {
      broken: true,
      entries: [
        { name: { text: "a" }, value: { kind: "error" } },
        { name: { text: "b" }, value: { kind: "number" } },
        {
          name: { text: "d" },
          value: { kind: "reference", args: [{}, { value: { kind: "error" } }, {}] },
        },
      ],
    },
  });
});

test("a body without `}` ends where the next declaration begins", () => {
  const { ast } = read("model A {\n  blocks 4 {\n    x = f(1\n\nexport model B {\n  y = 2\n}");
  expect(ast.decls).toMatchObject([
    { name: { text: "A" }, body: { broken: true } },
    { name: { text: "B" }, body: { broken: false } },
  ]);
});
