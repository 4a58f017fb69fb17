// Generated `.arch` programs, and ways to compare two of them without their layout.
import fc from "fast-check";
import { parse } from "../../src/compiler/syntax/parse.ts";

/** The tree without places and with documentation: equal for texts that mean the same. */
export function comparable(text: string): unknown {
  const { ast } = parse({ id: 0, path: "input.arch", text });
  return JSON.parse(
    JSON.stringify({ edition: ast.edition, decls: ast.decls }, (key, value: unknown) =>
      key === "span" || key === "paramsSpan" ? undefined : value,
    ),
  );
}

export const commentsOf = (text: string): readonly string[] =>
  parse({ id: 0, path: "input.arch", text }).ast.comments.map((comment) => comment.text);

const words = ["norm", "blocks", "ffn", "rope", "l", "L", "base", "steps", "model", "stage", "x1"];
const word = fc.constantFrom(...words);
/** Not a declaration's word: at the start of a line such a one, with a name behind it, begins a declaration. */
const plain = word.filter((one) => one !== "model");
const number = fc.constantFrom(
  "1",
  "32_000",
  "0.5",
  "1e-3",
  "10%",
  "2.5B tokens",
  "500 steps",
  "24 GiB",
  "75% parameters",
);

/** Values as text, with spaces and line ends wherever they mean nothing. */
const { value } = fc.letrec<{ value: string; operand: string }>((tie) => ({
  operand: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    number,
    word,
    fc.constantFrom('"text"', '"a\\n\\u{1F600}"', "true", "false"),
    fc.tuple(word, word).map((path) => path.join(".")),
    fc
      .tuple(word, fc.array(fc.tuple(fc.option(word), tie("value")), { maxLength: 3 }))
      .map(
        ([name, args]) =>
          `${name}(${args.map(([key, one]) => (key === null ? one : `${key}: ${one}`)).join(", ")})`,
      ),
    fc.array(tie("value"), { maxLength: 4 }).map((items) => `[${items.join(",")}]`),
    tie("value").map((inner) => `(${inner})`),
  ),
  value: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    tie("operand"),
    fc
      .tuple(
        tie("operand"),
        fc.constantFrom("+", "-", "*", "/", "==", "and", "or", ".."),
        tie("operand"),
      )
      .map((parts) => parts.join(" ")),
    tie("operand").map((operand) => `- ${operand}`),
    tie("operand").map((operand) => `not ${operand}`),
    fc
      .tuple(tie("operand"), tie("value"), tie("value"))
      .map(([test, yes, no]) => `if ${test} then ${yes} else ${no}`),
  ),
}));

const segment = fc.oneof(
  word,
  fc.constantFrom("*", "**"),
  word.map((name) => `${name}[0 .. 4]`),
);
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("."));
const pick = fc.oneof(
  path,
  path.map((one) => `not ${one}`),
  path.map((one) => `not (${one}, x1)`),
);
const selector = fc.oneof(
  fc.array(pick, { minLength: 1, maxLength: 3 }).map((picks) => picks.join(", ")),
  fc.tuple(pick, path).map(([a, b]) => `${a} and (${b}, norm)`),
);
const comment = fc.constantFrom("", "", "", "// note\n", "/// doc\n", "\n\n\n");
/** Between the parts of a head, where a `///` documents nothing. */
const between = fc.constantFrom(
  " ",
  " ",
  " ",
  " ",
  " ",
  " // note\n",
  " // one\n// two\n",
  " // one\n/// lost\n",
  " /// lost\n",
  "\n/// lost\n",
);
const entry: fc.Arbitrary<string> = fc.letrec<{ entry: string }>((tie) => ({
  entry: fc.oneof(
    { maxDepth: 2, depthSize: "small" },
    fc.tuple(comment, word, value).map(([above, name, one]) => `${above}${name} = ${one} // why\n`),
    fc.tuple(comment, word, value).map(([above, name, one]) => `${above}${name} = ${one}\n`),
    fc.tuple(plain, word, value).map(([name, key, one]) => `${name} ${key} in ${one}\n`),
    fc.tuple(comment, selector, value).map(([above, rule, one]) => `${above}${rule} => ${one}\n`),
    fc
      .tuple(
        plain,
        fc.constantFrom("", " 4", " layers", " (n + 1)"),
        between,
        fc.array(tie("entry"), { maxLength: 3 }),
      )
      .map(([name, header, gap, inner]) => `${name}${header}${gap}{\n${inner.join("")}}\n`),
    fc.tuple(word, tie("entry")).map(([name, inner]) => `${name} { ${inner} }\n`),
  ),
})).entry;

const declaration = fc.oneof(
  fc.tuple(word, value).map(([name, one]) => `let ${name} = ${one}\n`),
  fc.tuple(word, word).map(([a, b]) => `import { ${a}, ${b} as Other } from "./${a}.arch"\n`),
  fc
    .tuple(
      comment,
      fc.constantFrom("", "export "),
      fc.constantFrom("", "(a: int = 3, b: [float])", "(a: int,\n// p\nb: int,)"),
      fc.array(entry, { maxLength: 5 }),
      fc.tuple(between, between, between),
    )
    .map(
      ([above, exported, params, body, [a, b, c]]) =>
        `${above}${exported}model M${a}${params}${b}extends Base(x: 1) for N${c}{\n${body.join("")}}\n`,
    ),
);

/** Programs without syntax errors (for almost all draws), laid out badly. */
export const program: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom("", "spec 1\n", "// top\nspec 1\n\n"),
    fc.array(declaration, { maxLength: 5 }),
  )
  .map(([head, decls]) => head + decls.join(""));

const pieces = [
  ...words,
  ..."if then else and or not in true false export import let spec as from for extends".split(" "),
  ...["=", "=>", "==", ":", ",", ".", "..", "*", "**", "+", "-", "/", "(", ")", "[", "]", "{", "}"],
  ...[
    "1",
    "2.5B",
    "10%",
    ".5",
    "5.",
    '"s"',
    '"',
    "'",
    "'q'",
    ";",
    "@",
    "&&",
    "/*",
    "*/",
    "// c\n",
    "/// d\n",
    "\n",
    "\n",
    "\n",
    "\r\n",
  ],
];
/** Tokens in any order. */
export const tokenSoup: fc.Arbitrary<string> = fc
  .array(fc.constantFrom(...pieces), { maxLength: 120 })
  .map((tokens) => tokens.join(" "));
