// What reading a file can complain about (SPC1xxx). Codes are stable for ever and never reused; the checker and the
// features bring their own lists.
import type { DiagnosticEntry } from "../semantics/schema.ts";

type Row = [code: number, name: string, message: string, why: string, wrong: string, right: string];

const rows: readonly Row[] = [
  [1001, "stray-character", "`{text}` means nothing here", "These characters are no part of the language. Logic is written with the words `and`, `or` and `not`.", "let a = 1 & 2", "let a = 1 + 2"],
  [1002, "semicolon", "settings need no `;`", "Nothing separates settings; a new one begins with its name.", "let a = 1;", "let a = 1"],
  [1003, "single-quotes", "strings stand in double quotes", "There is one way to write a string, so that files look alike.", "let a = 'x'", 'let a = "x"'],
  [1004, "block-comment", "comments begin with `//`", "Comments run to the end of their line; there are no block comments.", "/* width */\nlet a = 1", "// width\nlet a = 1"],
  [1005, "unclosed-string", "this string has no closing quote", "A string stands on one line, between two double quotes.", 'let a = "x', 'let a = "x"'],
  [1006, "bad-escape", "`{escape}` is no escape", 'The escapes are `\\"`, `\\\\`, `\\n`, `\\t` and `\\u{…}`.', 'let a = "\\q"', 'let a = "\\n"'],
  [1007, "bad-point", "a point needs digits on both sides: `{better}`", "`.5` and `5.` are easily misread; write the zero.", "let a = .5", "let a = 0.5"],
  [1008, "number-overflow", "`{number}` is too large for a number", "Numbers are double-precision: at most about 1.8e308.", "let a = 1e999", "let a = 1e30"],
  [1009, "missing-bracket", "`{close}` is missing", "Every bracket that is opened must be closed. A line that begins like a setting closes what is open before it.", "model M {\n  norm = pre(rmsnorm()\n  width = 3\n}", "model M {\n  norm = pre(rmsnorm())\n  width = 3\n}"],
  [1010, "missing-brace", "{count} missing before this", "Every body ends with `}`. A declaration cannot stand inside a body.", "model A {\n  width = 3\n\nmodel B {}", "model A {\n  width = 3\n}\n\nmodel B {}"],
  [1011, "stray-bracket", "this `{close}` closes nothing", "A closing bracket needs an opening one of its kind before it.", "let a = 3)", "let a = (3)"],
  [1012, "missing-value", "a value is missing after `{after}`", "Something must stand here: a number, a string, a list, a name or a call.", "model M {\n  context =\n}", "model M {\n  context = 512\n}"],
  [1013, "incomplete-if", "this `if` has no `{lacks}`", "A conditional value has both branches: `if … then … else …`.", "let a = [if true then 1]", "let a = [if true then 1 else 2]"],
  [1014, "missing-equals", "`=` is missing after `{after}`", "A setting is `name = value`, or a name and a body in braces.", "model M {\n  context 512\n}", "model M {\n  context = 512\n}"],
  [1015, "colon-for-equals", "a setting is written with `=`", "`:` names an argument inside a call; `=` gives a setting its value.", "model M {\n  context: 512\n}", "model M {\n  context = 512\n}"],
  [1016, "equals-for-colon", "an argument is named with `:`", "`=` gives a setting its value; `:` names an argument inside a call.", "let a = rope(theta = 10)", "let a = rope(theta: 10)"],
  [1017, "missing-comma", "`,` is missing", "Arguments, parameters and list items are separated by commas.", "let a = [x y]", "let a = [x, y]"],
  [1018, "missing-arrow", "`=>` is missing: expected it before {found}", "A rule is `selector => value`.", "recipe R {\n  decay { attention.q none }\n}", "recipe R {\n  decay { attention.q => none }\n}"],
  [1019, "unexpected", "expected {expected}, found {found}", "The text does not continue the way the grammar allows.", "model M {\n  = 3\n}", "model M {\n  width = 3\n}"],
  [1020, "too-deep", "more than {limit} brackets are open", "Values are at most 32 brackets deep; name a part of it with `let`.", `let a = ${"[".repeat(33)}${"]".repeat(33)}`, "let a = [[1]]"],
  [1021, "too-many-ifs", "more than {limit} `if`s in one value", "A value holds at most 64 conditionals; name a part of it with `let`.", `let a = ${"if true then 1 else ".repeat(65)}2`, "let a = if true then 1 else 2"],
  [1022, "dangling-doc", "this doc comment documents nothing", "`///` documents the declaration, parameter, setting or rule that follows it. Use `//` for a plain comment.", "let a = 1\n/// the end", "let a = 1\n// the end"],
  [1023, "chained-comparison", "comparisons do not chain", "Write `a < b and b < c`.", "let a = 1 < 2 < 3", "let a = 1 < 2 and 2 < 3"],
  [1024, "reserved-word", "`{word}` is a reserved word and cannot be a name", "Reserved are: if then else and or not in true false export.", "let if = 3", "let condition = 3"],
  [1025, "misplaced-edition", "`spec` stands first in the file", "The edition decides how the rest of the file is read.", "let a = 1\nspec 1", "spec 1\nlet a = 1"],
];

export const syntaxDiagnostics: readonly DiagnosticEntry[] = rows.map(
  ([code, name, message, why, wrong, right]) => ({
    code: `SPC${String(code)}`,
    name,
    severity: name === "dangling-doc" ? "warning" : "error",
    message,
    why,
    wrong,
    right,
  }),
);
