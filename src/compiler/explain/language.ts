// The pages of the language's own words: declarations, what stands in their bodies, expressions, selectors.
import type { Vocabulary } from "../semantics/schema.ts";
import { functions } from "../semantics/functions.ts";
import { plainTypes } from "../semantics/types-of.ts";
import { unitWords } from "../semantics/values.ts";
import { fence, keyTable, type Page } from "./pages.ts";

export interface LanguagePage {
  readonly names: readonly string[];
  readonly page: (vocabulary: Vocabulary) => Page;
}

const word = (
  names: string,
  title: string,
  text: string,
  example: string,
  more: (vocabulary: Vocabulary) => readonly string[] = () => [],
): LanguagePage => ({
  names: names.split(" "),
  page: (vocabulary) => ({
    title,
    lines: [text, ...(example === "" ? [] : ["", fence(example)]), ...more(vocabulary)],
  }),
});

/** The keys of all places whose name begins so: "blocks", "blocks of images". */
const keysOf =
  (place: string) =>
  ({ keys, rules }: Vocabulary): readonly string[] => [
    ...Object.entries(keys)
      .filter(([name]) => name === place || name.startsWith(`${place} of `))
      .flatMap(([name, own]) => ["", `Keys of ${name}:`, "", ...keyTable(own)]),
    ...(rules[place] ?? []).flatMap((block) => [
      "",
      `Rules: \`${block.name} { … }\`, ${block.doc}.`,
    ]),
  ];

export const languagePages: readonly LanguagePage[] = [
  word(
    "model",
    "model, a declaration",
    "A model: its sizes, its stack of blocks and what stands before and after them. It may take parameters and extend another model.",
    "model Small(hidden: int = 64) extends Llama(hidden: hidden) {\n  context = 512\n  blocks { scaling = gpas() }\n}",
    keysOf("model"),
  ),
  word(
    "recipe",
    "recipe, a declaration",
    "How a model is trained: data, optimizer, schedule, length. `for M` ties it to a model; it may extend another recipe.",
    'recipe Train for Small {\n  data   = text("corpus/*.txt")\n  length = 2000 steps\n}',
    keysOf("recipe"),
  ),
  word(
    "blocks",
    "blocks, the layers of a model",
    "`blocks 12 { … }` is twelve layers, several stand above each other; `blocks 12 = Name(args)` takes a declared block; `blocks { … }` changes the inherited ones. Inside, `l` is the layer, counted from 1, and `L` the depth.",
    "blocks 12 {\n  norm      = pre(rmsnorm())\n  attention = mha(heads: 8)\n  ffn       = swiglu(intermediate: 1368)\n}",
    keysOf("blocks"),
  ),
  word(
    "block",
    "block, a declaration",
    "Layers with a name, for `blocks N = Name(args)`. Its keys are those of `blocks`.",
    "block Windowed(heads: int) {\n  norm      = pre(rmsnorm())\n  attention = mha(heads: heads, window: 256)\n  ffn       = swiglu(intermediate: 1368)\n}",
    keysOf("blocks"),
  ),
  word(
    "let",
    "let, a declaration",
    "Names a value of the file. A value that holds constructors gets the type of the place that uses it.",
    "let width = 6 * 64\nlet share: percent = 10%",
  ),
  word(
    "import from as",
    "import, a declaration",
    "Takes exported names from a file of the project, by its path relative to this one; `as` gives a name of this file.",
    'import { Llama, Pretrain as Base } from "./llama.arch"',
  ),
  word(
    "export",
    "export, before a declaration",
    "Makes a declaration visible to other files; `export import` passes imported names on.",
    "export model M extends Llama { }",
  ),
  word(
    "extends",
    "extends, in a declaration",
    "Takes everything of another declaration of its kind. A key replaces the inherited one whole; `blocks { … }` changes the inherited blocks key by key; a block of rules replaces all inherited rules.",
    "model Wide extends Llama(hidden: 1024) {\n  context = 2048\n}",
  ),
  word(
    "for",
    "for, in a declaration",
    "Ties a recipe to the model it trains, and checks the two together.",
    "recipe Train for Llama {\n  length = 2000 steps\n}",
  ),
  word(
    "spec edition",
    "spec, the first line",
    "Says which edition of the language the file is written in, so that it means the same to later compilers.",
    "spec 1",
  ),
  word(
    "if then else",
    "if, in a value",
    "One of two values, chosen while checking. Both are typed, the one that is taken is evaluated.",
    "norm = if l <= L / 4 then post(rmsnorm()) else pre(rmsnorm())",
  ),
  word(
    "and or not true false",
    "and, or, not, in a value and in selectors",
    "Logic of `true` and `false`, mostly from comparisons `== != < <= > >=`. Between selectors `and` and `not` combine, and `,` is or.",
    "window = if l > 2 and not (l == L) then 256 else none",
  ),
  word(
    "l L layer depth",
    "l and L, inside blocks",
    "`l` is the number of the layer, counted from 1, and `L` how many layers the model has. Paths and selectors count from 0.",
    "norm = if l <= L / 4 then post(rmsnorm()) else pre(rmsnorm())",
  ),
  word(
    "none",
    "none, in a value",
    "Switches off what is optional. Where a type has a form of that name, `none` is that form.",
    "scaling = none",
  ),
  word(
    "default",
    "default, in a value",
    "Restores the default of a key that was inherited.",
    "init = default",
  ),
  word(
    functions.join(" "),
    "functions, in a value",
    `Numbers of one unit in, a number of that unit out: ${functions.join(", ")}. mod has the sign of its divisor.`,
    "out_init = normal(0.02 / sqrt(2 * L))",
  ),
  word(
    "type types parameter parameters " + Object.keys(plainTypes).join(" "),
    "types, of parameters and lets",
    `A parameter has a type, and may have a default: ${Object.keys(plainTypes).join(", ")}, a type such as Ffn, or a list \`[T]\` of one.`,
    "model M(hidden: int = 512, kind: Ffn = swiglu(1368), betas: [float] = [0.9, 0.95]) extends Llama { }",
    ({ sums }) => [
      "",
      `Types with forms of their own: ${sums.map(({ name }) => name).join(", ")}.`,
    ],
  ),
  word(
    `unit units % k M B T ${unitWords.join(" ")}`,
    "units, of numbers",
    `\`k M B T\` behind a number multiply by 10³ … 10¹²; \`%\` is a share. Units: ${unitWords.join(", ")}.`,
    "length = 2.5B tokens",
  ),
  word(
    "selector selectors rule rules =>",
    "selectors, left of =>",
    "A path takes every parameter whose own path contains it, and all below. `*` is one segment or one index, `**` any number; indices count from 0, ranges are half open. The first rule that matches wins, and every parameter needs one.",
    "decay {\n  norm, bias, embedding          => none\n  blocks[0 .. 4].ffn and not up  => constant(0.05)\n  blocks[5].attention.q          => constant(0.2)\n  *                              => constant(0.1)\n}",
    ({ words }) => ["", `Classes, which may match nothing: ${words.join(", ")}.`],
  ),
];
