// What an expression is evaluated in: the names around it, the layer if there is one, and where complaints go.
import type { Args, Found, Given } from "../diagnostics/entry.ts";
import type { Reporter } from "../diagnostics/report.ts";
import type { Details, Source, Span } from "../diagnostics/types.ts";
import type { Definition, Expr, FileAst, LetDecl } from "../syntax/ast.ts";
import type { BaseEntry } from "./catalogue.ts";
import type { ParameterShape, Type, Vocabulary } from "./schema.ts";
import type { ModelSpec } from "./spec.ts";
import type { Maybe } from "./values.ts";

type Told = Given<BaseEntry>;
export interface Report {
  <Name extends keyof Told>(name: Name, at: Span, ...given: Told[Name]): void;
  /** Of whatever catalogue: what the checks of tables find. */
  readonly raise: (found: Found) => void;
}
export const reportTo = (raise: Report["raise"]): Report =>
  Object.assign(
    (name: string, at: Span, args: Args = {}, details: Details = {}): void =>
      raise({ name, at, args, details }),
    { raise },
  );
export const silence = reportTo(() => undefined);

/** A reporter that says each thing once: layers and instances check the same text many times. */
export const onceEach = (reporter: Reporter): Report => {
  const said = new Set<string>();
  return reportTo((found) => {
    const { name, at } = found;
    const key = `${name} ${at.file} ${at.start} ${at.end}`;
    if (said.has(key)) return;
    said.add(key);
    reporter.report(found);
  });
};

/** A name of a file: what it declares or imports. */
export type Binding =
  | { readonly kind: "let"; readonly decl: LetDecl; readonly module: Module }
  | { readonly kind: "definition"; readonly decl: Definition; readonly module: Module }
  /** Imported, but the import failed: reported there. */
  | { readonly kind: "broken" };

/** A file, read once. */
export interface Module {
  readonly source: Source;
  readonly ast: FileAst;
  readonly names: ReadonlyMap<string, Binding>;
  readonly exports: ReadonlyMap<string, Binding>;
  /** It has syntax errors: what seems not to be declared may be. */
  readonly broken: boolean;
}

/** One `--set key=value`, read as source. */
export interface Override {
  /** "hidden", "optimizer.lr", "Llama.hidden". */
  readonly key: string;
  readonly expr: Expr;
  readonly span: Span;
  readonly module: Module;
  used: boolean;
}

/** What the place wants; `optional`: `none` is welcome. No want: whatever the text says. */
export interface Want {
  readonly type: Type;
  readonly optional: boolean;
  /** What it is for. */
  readonly doc?: string;
}

/** What one run of the checker shares. */
export interface Checker {
  readonly vocabulary: Vocabulary;
  /** `evaluate.ts`, for what it is made of: expressions hold names and constructors, and these hold expressions. */
  readonly evaluate: (expr: Expr, want: Want | undefined, ctx: Context) => Maybe;
  /** A model's parameters; undefined where its numbers contradict each other. */
  readonly parametersOf: (model: ModelSpec) => readonly ParameterShape[] | undefined;
  /** Models that were complained about: nothing can be built from them. */
  readonly contradictory: Set<ModelSpec>;
  readonly report: Report;
  readonly overrides: readonly Override[];
  /** Results of `let`s by declaration and expected type, so that doubling chains stay linear. */
  readonly lets: Map<LetDecl, Map<Type | undefined, Maybe>>;
  readonly letsOpen: Set<LetDecl>;
  /** Members of `extends` circles that are reported. */
  readonly circles: Set<Definition>;
  /** Default texts of the tables, parsed once. */
  readonly defaults: Map<string, Expr>;
}

/** Layer `l` of `L`, counted from 1; undefined where it cannot be known, and neither can what depends on it. */
export interface LayerIndex {
  readonly l: number | undefined;
  readonly L: number | undefined;
}
export const unknownLayer: LayerIndex = { l: undefined, L: undefined };

export interface Context {
  readonly checker: Checker;
  readonly module: Module;
  /** Parameters of the declaration. */
  readonly env: ReadonlyMap<string, Maybe>;
  readonly layer?: LayerIndex;
  /** Set while a table's default is evaluated: earlier keys of its place. */
  readonly keys?: ReadonlyMap<string, Maybe>;
  /** The branch that is not taken: types are checked, values are not. */
  readonly dry: boolean;
  readonly report: Report;
}

/** For complaints about values, as against types: silent in a branch that is not taken. */
export const reportValue = <Name extends keyof Told>(
  ctx: Context,
  name: Name,
  at: Span,
  ...given: Told[Name]
): void => {
  if (!ctx.dry) ctx.report(name, at, ...given);
};

export const isError = (name: string, { vocabulary }: Checker): boolean =>
  vocabulary.diagnostics.some((entry) => entry.name === name && entry.severity === "error");
