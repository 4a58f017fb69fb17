// The layering of docs/architecture.md, stated for the linter: imports go one way.
import tseslint from "typescript-eslint";

/** Files may not import what the patterns match. */
const forbid = (files, ...patterns) => ({
  files,
  ignores: ["**/*.test.ts"],
  rules: {
    "no-restricted-imports": [
      "error",
      { patterns: patterns.map(([group, message]) => ({ group, message })) },
    ],
  },
});
const noNode = [["node:*"], "reach files, clock and network through the host"];
const noCompiler = [
  ["**/compiler/**"],
  "the runtime and the contract know nothing of the compiler",
];
const noRuntime = [["**/runtime/**"], "the compiler does not run programs"];
const noFeatures = [["**/features/**"], "shared code never asks which feature is on"];

export default tseslint.config(
  {
    ignores: ["dist", "**/node_modules", "coverage", "runs", "examples/*/run*", ".gpu", ".tf"],
  },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // Numbers read well in messages.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // `noUncheckedIndexedAccess` makes numeric inner loops need `x[i]!`; reviewed by hand.
      "@typescript-eslint/no-non-null-assertion": "off",
      // Interfaces of hosts and engines are asynchronous though some implementations are not.
      "@typescript-eslint/require-await": "off",
      // Conflicts with exhaustive discriminated unions in generic helpers.
      "@typescript-eslint/no-unnecessary-type-parameters": "off",
      // Guards against data from outside that the types already trust.
      "@typescript-eslint/no-unnecessary-condition": "off",
      // Its fix rewrites returns of `T | undefined` while types are unresolved.
      "@typescript-eslint/no-confusing-void-expression": "off",
      // Commands are imported lazily; their option types are named by `import("…")`.
      "@typescript-eslint/consistent-type-imports": ["error", { disallowTypeAnnotations: false }],
      // Code points are what is meant where a string is spread.
      "@typescript-eslint/no-misused-spread": ["error", { allow: ["string"] }],
      // One idea each; a longer file holds two.
      "max-lines": ["error", { max: 400, skipBlankLines: true, skipComments: true }],
      "no-duplicate-imports": ["error", { allowSeparateTypeImports: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
    },
  },
  forbid(["grammar/**/*.ts"], noNode, [["**/src/compiler/**"], "the grammar is pure"]),
  forbid(
    ["src/compiler/diagnostics/**/*.ts", "src/compiler/syntax/**/*.ts"],
    noNode,
    noRuntime,
    noFeatures,
  ),
  forbid(["src/compiler/semantics/**/*.ts"], noNode, noRuntime, noFeatures, [
    ["**/ir/**", "**/passes/**", "**/lower/**", "**/model/**"],
    "semantics ends at the Spec",
  ]),
  forbid(
    ["src/compiler/ir/**/*.ts", "src/compiler/passes/**/*.ts", "src/compiler/lower/**/*.ts"],
    noNode,
    noRuntime,
    noFeatures,
    [["**/syntax/**", "**/semantics/**", "**/model/**"], "the graph knows neither text nor papers"],
  ),
  forbid(["src/compiler/model/**/*.ts"], noNode, noRuntime, noFeatures, [
    ["**/syntax/**", "**/lower/**"],
    "the model builds graphs from the Spec",
  ]),
  forbid(
    [
      "src/compiler/*.ts",
      "src/compiler/emit/**/*.ts",
      "src/compiler/explain/**/*.ts",
      "src/compiler/features/**/*.ts",
      "src/compiler/huggingface/**/*.ts",
    ],
    noNode,
    noRuntime,
  ),
  forbid(["src/compiler/emit/**/*.ts"], noNode, noRuntime, [
    ["**/compile.ts"],
    "the pipeline calls what is here; its data is compilation.ts",
  ]),
  forbid(["src/compiler/features/*/**/*.ts"], noNode, noRuntime, [
    ["../*/**", "!../experts/**", "!../../**"],
    "a method knows no other; what several share has a folder of its own",
  ]),
  forbid(["src/format/**/*.ts"], noNode, noRuntime, noFeatures, [
    ["**/semantics/**", "**/model/**", "**/ir/**", "**/passes/**", "**/lower/**", "**/cli/**"],
    "a layout is made from syntax alone",
  ]),
  forbid(
    ["src/cli/**/*.ts"],
    [
      ["**/grammar/**", "**/syntax/**", "**/passes/**", "**/lower/**"],
      "commands enter the compiler through its pipeline",
    ],
  ),
  forbid(["src/bundle/**/*.ts"], noNode, noCompiler, noRuntime),
  forbid(["src/runtime/*.ts", "src/runtime/!(node)/**/*.ts"], noNode, noCompiler),
  forbid(["src/runtime/tokenizers/**/*.ts"], noNode, noCompiler, [
    ["**/data/**", "**/train/**", "**/decode/**"],
    "tokenizers know text and tokens alone",
  ]),
  forbid(["src/runtime/data/**/*.ts"], noNode, noCompiler, [
    ["**/train/**", "**/decode/**"],
    "data is read, by whoever trains on it",
  ]),
  forbid(["src/runtime/train/**/*.ts"], noNode, noCompiler, [
    ["**/decode/**", "**/report/**"],
    "a training ends with numbers and files; fit.ts shows them",
  ]),
  forbid(["src/runtime/decode/**/*.ts"], noNode, noCompiler, [
    ["**/train/**", "**/report/**"],
    "what continues a text has no part in how its model was trained",
  ]),
  forbid(["src/runtime/node/**/*.ts"], noCompiler),
);
