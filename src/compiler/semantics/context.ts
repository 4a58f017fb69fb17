// What an expression is evaluated in: the names around it, the layer if there is one, and where complaints go.
import type { Args, Found, Given } from "../diagnostics/entry.ts";
import type { Details, Span } from "../diagnostics/types.ts";
import type { Definition, Expr, LetDecl } from "../syntax/ast.ts";
import type { BaseEntry } from "./catalogue.ts";
import type { Module } from "./load.ts";
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

/** A name of a file: what it declares or imports. */
export type Binding =
  | { readonly kind: "let"; readonly decl: LetDecl; readonly module: Module }
  | { readonly kind: "definition"; readonly decl: Definition; readonly module: Module }
  /** Imported, but the import failed: reported there. */
  | { readonly kind: "broken" };

/** One `--set key=value`, read as source. */
export interface Override {
  /** "hidden", "optimizer.lr", "Llama.hidden". */
  readonly key: string;
  readonly expr: Expr;
  readonly span: Span;
  readonly module: Module;
  used: boolean;
}

/** What one run of the checker shares. */
export interface Checker {
  readonly vocabulary: Vocabulary;
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
