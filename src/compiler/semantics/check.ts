// Text to Spec: loads the files, checks every declaration of each, and fills the Spec from those of the entry.
// Mistakes are diagnostics; nothing here throws for what a user wrote.
import { Reporter } from "../diagnostics/report.ts";
import type { Diagnostic, Source } from "../diagnostics/types.ts";
import type { Definition } from "../syntax/ast.ts";
import { parse } from "../syntax/parse.ts";
import {
  onceEach,
  type Binding,
  type Checker,
  type Module,
  type Override,
  type Report,
} from "./context.ts";
import { didYouMean } from "./did-you-mean.ts";
import { evaluate } from "./evaluate.ts";
import { evaluateLet } from "./names.ts";
import { declaration, flatten } from "./flatten.ts";
import { KINDS, LATER } from "./declarations.ts";
import { EDITION, loadFiles, type FileLoader } from "./load.ts";
import { BLOCK, MODEL, buildModel, checkBlock, type BuiltModel } from "./model.ts";
import { checkPair } from "./pair.ts";
import { buildRecipe, recipeShape, type BuiltRecipe } from "./recipe.ts";
import type { ParameterShape, Vocabulary } from "./schema.ts";
import { setHelp, type Declared } from "./set-help.ts";
import type { ModelSpec, Origin, Origins, RecipeSpec, Spec } from "./spec.ts";

export type { FileLoader } from "./load.ts";

export interface CheckOptions {
  readonly vocabulary: Vocabulary;
  /** A sound model's parameters: what selectors choose from. */
  readonly parametersOf: ParametersOf;
  /** `--set key=value`. */
  readonly set?: readonly { readonly key: string; readonly value: string }[];
}
export interface CheckResult {
  /** undefined: there are errors. */
  readonly spec: Spec | undefined;
  /** Recipes of the file without mistakes, whatever is wrong elsewhere. */
  readonly recipes: Readonly<Record<string, RecipeSpec>>;
  readonly origins: Origins;
  /** `Span.file` indexes these. */
  readonly sources: readonly Source[];
  readonly diagnostics: readonly Diagnostic[];
  readonly edition: number;
}

export type ParametersOf = (model: ModelSpec) => readonly ParameterShape[];

export const check = (entry: string, files: FileLoader, options: CheckOptions): CheckResult => {
  const { vocabulary } = options;
  const reporter = new Reporter(vocabulary.diagnostics);
  const report = onceEach(reporter);
  const loaded = loadFiles(entry, files, report);
  const sources = [...loaded.sources];
  const origins = new Map<string, Origin>();
  const result = (spec: Spec | undefined, edition: number): CheckResult => {
    const diagnostics = [...loaded.syntax, ...reporter.diagnostics].sort(
      (a, b) => a.at.file - b.at.file || a.at.start - b.at.start,
    );
    const sound = diagnostics.every((d) => d.severity !== "error");
    const recipes = spec?.recipes ?? {};
    return { spec: sound ? spec : undefined, recipes, origins, sources, diagnostics, edition };
  };
  if ("fault" in loaded.entry) {
    sources.push({ id: 0, path: entry, text: "" });
    const fault = loaded.entry.fault ?? "there is no such file";
    report("entry-missing", { file: 0, start: 0, end: 0 }, { path: entry, fault });
    return result(undefined, EDITION);
  }
  const overrides = readOverrides(options.set ?? [], loaded.entry, sources, report);
  const contradictory = new Set<ModelSpec>();
  const checker: Checker = {
    vocabulary,
    evaluate,
    parametersOf: onceForEach(options.parametersOf, contradictory),
    contradictory,
    report,
    overrides: [],
    lets: new Map(),
    letsOpen: new Set(),
    circles: new Set(),
    defaults: new Map(),
  };
  for (const module of loaded.modules) if (module !== loaded.entry) checkModule(module, checker);
  const spec = checkEntry(loaded.entry, { ...checker, overrides }, origins);
  for (const override of overrides)
    if (!override.used)
      report(
        "unknown-set",
        override.span,
        { key: override.key },
        setHelp(override.key, declaredBy(loaded.entry), vocabulary),
      );
  return result(spec, loaded.entry.ast.edition?.value ?? EDITION);
};

type DefinitionBinding = Extract<Binding, { kind: "definition" }>;

/** The declarations that a file's names stand for; a second one of a name is reported and left alone. */
const definitions = (module: Module): readonly DefinitionBinding[] =>
  module.ast.decls.flatMap((decl) => {
    if (decl.kind !== "definition") return [];
    const binding = module.names.get(decl.name.text);
    return binding?.kind === "definition" && binding.decl === decl ? [binding] : [];
  });

const declaredBy = (module: Module): Declared => ({
  names: definitions(module).map(({ decl }) => decl.name.text),
  parameters: definitions(module).flatMap(({ decl }) => decl.params.map((p) => p.name.text)),
});

/** What needs no instance: words of kinds, `let`s, blocks by themselves. */
const checkParts = (module: Module, checker: Checker): void => {
  const ctx = { checker, module, env: new Map(), dry: false, report: checker.report };
  for (const decl of module.ast.decls) {
    if (decl.kind === "definition") checkKind(decl, module, checker);
    if (decl.kind !== "let") continue;
    const binding = module.names.get(decl.name.text);
    // With a constructor in it, a `let` has the type of the place that uses it.
    if (binding?.kind === "let" && binding.decl === decl)
      evaluateLet(binding, undefined, decl.name.span, ctx);
  }
  for (const binding of definitions(module))
    if (binding.decl.word.text === "block")
      checkBlock(flatten(binding, [], undefined, BLOCK, checker), checker);
};

const checkKind = (decl: Definition, module: Module, checker: Checker): void => {
  const { word } = decl;
  // a word before the kind, which is read as one: said in reading
  if (module.broken && KINDS.includes(decl.name.text)) return;
  if (LATER.includes(word.text))
    checker.report(
      "kind-not-yet",
      word.span,
      { kind: word.text },
      { help: [`this version knows ${KINDS.join(", ")}, let and import`] },
    );
  else if (!KINDS.includes(word.text) && word.text !== "")
    checker.report(
      "unknown-kind",
      word.span,
      { kind: word.text },
      didYouMean(word, [...KINDS, "let", "import"]),
    );
  if (decl.for !== undefined && (word.text === "model" || word.text === "block"))
    checker.report("for-not-here", decl.for.span, { kind: word.text });
};

/** An imported file: its mistakes count, its models do not enter the Spec. */
const checkModule = (module: Module, checker: Checker): void => {
  checkParts(module, checker);
  const aside = new Map<string, Origin>();
  for (const binding of definitions(module)) {
    const { decl } = binding;
    const { text } = decl.name;
    if (decl.word.text === "model")
      buildModel(flatten(binding, [], undefined, MODEL, checker), text, aside, checker);
    if (decl.word.text === "recipe")
      buildRecipe(
        flatten(binding, [], undefined, recipeShape(checker), checker),
        text,
        aside,
        checker,
        selectorWords(checker, []),
      );
  }
};

/** Models are asked about once for each recipe. */
const onceForEach = (
  parametersOf: ParametersOf,
  contradictory: ReadonlySet<ModelSpec>,
): Checker["parametersOf"] => {
  const known = new Map<ModelSpec, readonly ParameterShape[]>();
  return (model) => {
    if (contradictory.has(model)) return undefined;
    const parameters = known.get(model) ?? parametersOf(model);
    known.set(model, parameters);
    return parameters;
  };
};

const wordsOfPaths = (parameters: readonly ParameterShape[]): readonly string[] => [
  ...new Set(
    parameters.flatMap(({ name }) => name.split(".")).filter((word) => !/^\d+$/.test(word)),
  ),
];

/** Words that selectors may use: the vocabulary's, and those of the models at hand. */
const selectorWords = (checker: Checker, models: readonly ModelSpec[]): readonly string[] => [
  ...new Set([
    ...BASE_WORDS,
    ...checker.vocabulary.words,
    ...models.flatMap((model) => wordsOfPaths(checker.parametersOf(model) ?? [])),
  ]),
];
const BASE_WORDS = [
  ..."blocks attention ffn q k v o gate up down attention_norm ffn_norm final_norm position weight".split(
    " ",
  ),
];

/** The entry's models by name: those of a recipe's `for` enter beside the file's own. */
type Models = Map<string, BuiltModel>;

/** Without a prototype: a model may be called `constructor`. */
const soundOf = <S>(
  built: ReadonlyMap<string, { readonly spec: S | undefined }>,
): Record<string, S> => {
  const sound = Object.create(null) as Record<string, S>;
  for (const [name, { spec }] of built) if (spec !== undefined) sound[name] = spec;
  return sound;
};

const checkEntry = (module: Module, checker: Checker, origins: Map<string, Origin>): Spec => {
  checkParts(module, checker);
  const models: Models = new Map();
  const recipes = new Map<string, BuiltRecipe>();
  const recipeFor = Object.create(null) as Record<string, string>;
  const own = definitions(module);
  const closed = new Set<Definition>();
  const modelBindings = own.filter((b) => b.decl.word.text === "model");
  for (const binding of modelBindings) {
    const flat = flatten(binding, [], undefined, MODEL, checker);
    const { text } = binding.decl.name;
    if (flat.open.length === 0) closed.add(binding.decl);
    models.set(text, buildModel(flat, text, origins, checker));
  }
  const only = modelBindings.length === 1 ? modelBindings[0]!.decl.name.text : undefined;
  for (const binding of own.filter((b) => b.decl.word.text === "recipe")) {
    const { decl } = binding;
    const { text } = decl.name;
    const name =
      decl.for === undefined ? only : forModel(decl, module, models, closed, origins, checker);
    const model = name === undefined ? undefined : models.get(name);
    if (decl.for !== undefined && name !== undefined && model?.spec !== undefined)
      recipeFor[text] = name;
    const flat = flatten(binding, [], undefined, recipeShape(checker), checker);
    const specs = [...models.values()].flatMap(({ spec }) => spec ?? []);
    const recipe = buildRecipe(flat, text, origins, checker, selectorWords(checker, specs));
    recipes.set(text, recipe);
    if (model?.known === undefined) continue;
    const parameters = model.spec && checker.parametersOf(model.spec);
    checkPair(model.known, recipe.known, parameters, origins, checker.vocabulary, checker.report);
  }
  return {
    edition: module.ast.edition?.value ?? EDITION,
    models: soundOf(models),
    recipes: soundOf(recipes),
    recipeFor,
  };
};

/** `for M`, `for M(args)`: the model's name in the Spec. An imported or adjusted model enters it here. */
const forModel = (
  decl: Definition,
  module: Module,
  models: Models,
  /** Models of this file that need no arguments. */
  closed: ReadonlySet<Definition>,
  origins: Map<string, Origin>,
  checker: Checker,
): string | undefined => {
  const wanted = decl.for;
  if (wanted === undefined) return undefined;
  const binding = declaration(wanted.name, "model", module, checker);
  if (binding === undefined) return undefined;
  const local = wanted.name.text;
  const args = wanted.args ?? [];
  const { span } = wanted;
  const name = args.length === 0 ? local : module.source.text.slice(span.start, span.end);
  const done = args.length === 0 && closed.has(binding.decl);
  if (done || models.get(name)?.spec !== undefined) return name;
  const ctx = { checker, module, env: new Map(), dry: false, report: checker.report };
  const flat = flatten(binding, args, ctx, MODEL, checker, span);
  models.set(name, buildModel(flat, name, origins, checker));
  return name;
};

const readOverrides = (
  set: NonNullable<CheckOptions["set"]>,
  entry: Module,
  sources: Source[],
  report: Report,
): readonly Override[] =>
  set.flatMap(({ key, value }) => {
    const source: Source = {
      id: sources.length,
      path: `--set ${key}`,
      text: `--set ${key} = ${value}`,
    };
    sources.push(source);
    // read as a declaration whose value stands at the same place as in what is shown
    const declared = `${"let".padEnd("--set ".length)}${"x".repeat(key.length)} = ${value}`;
    const { ast, diagnostics } = parse({ ...source, text: declared });
    const decl = ast.decls[0];
    const span = { file: source.id, start: 0, end: source.text.length };
    if (decl?.kind !== "let" || ast.decls.length > 1 || diagnostics.length > 0) {
      report(
        "unreadable-set",
        span,
        { key },
        {
          help: [
            ...diagnostics.slice(0, 1).map((d) => d.message),
            ...(/[/*]/.test(value)
              ? [`a text stands in double quotes, and those in the shell's: --set '${key}="…"'`]
              : []),
          ],
        },
      );
      return [];
    }
    return [{ key, expr: decl.value, span, module: entry, used: false }];
  });

/** The same checks for a model and a recipe that meet only when they run: `--model A --recipe B`. */
export const checkRun = (
  checked: CheckResult,
  model: string,
  recipe: string,
  { vocabulary, parametersOf }: Pick<CheckOptions, "vocabulary" | "parametersOf">,
): readonly Diagnostic[] => {
  const m = checked.spec?.models[model];
  const r = checked.spec?.recipes[recipe];
  if (m === undefined || r === undefined) return [];
  const reporter = new Reporter(vocabulary.diagnostics);
  checkPair(m, r, parametersOf(m), checked.origins, vocabulary, onceEach(reporter));
  return reporter.diagnostics;
};
