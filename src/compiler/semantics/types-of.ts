// The types that parameters and `let`s may be given: plain ones, units and the names of sum types.
import type { TypeExpr } from "../syntax/ast.ts";
import type { Context } from "./context.ts";
import { didYouMean } from "./did-you-mean.ts";
import type { Type, Unit } from "./schema.ts";

const UNITS: readonly Unit[] = [
  "step",
  "token",
  "sequence",
  "sample",
  "epoch",
  "trial",
  "parameter",
  "byte",
  "second",
];
export const plainTypes: Readonly<Record<string, Type>> = {
  int: { kind: "int" },
  float: { kind: "float" },
  bool: { kind: "bool" },
  string: { kind: "string" },
  percent: { kind: "quantity", units: ["%"] },
  ...Object.fromEntries(UNITS.map((unit) => [`${unit}s`, { kind: "quantity", units: [unit] }])),
};
const sumTypes = new Map<string, Type>();

/** The same name gives the same object: results are cached by type. */
export const typeOf = (expr: TypeExpr, ctx: Context): Type | undefined => {
  if (expr.kind === "list") {
    const of = typeOf(expr.of, ctx);
    return of && { kind: "list", of };
  }
  const { text } = expr.name;
  if (Object.hasOwn(plainTypes, text)) return plainTypes[text];
  const { sums } = ctx.checker.vocabulary;
  if (sums.some((sum) => sum.name === text)) {
    const type = sumTypes.get(text) ?? ({ kind: "sum", name: text } as const);
    sumTypes.set(text, type);
    return type;
  }
  if (text === "") return undefined;
  const candidates = [...Object.keys(plainTypes), ...sums.map((sum) => sum.name)];
  ctx.report(
    "unknown-type",
    expr.name.span,
    { name: text },
    didYouMean(expr.name, candidates, ctx.checker.vocabulary.otherNames),
  );
  return undefined;
};
