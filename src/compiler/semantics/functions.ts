// The functions of expressions: numbers of one unit in, a number of that unit out.
import { isUnread, type Expr, type Name, type ReferenceExpr } from "../syntax/ast.ts";
import { reportValue, type Context } from "./context.ts";
import { asNumber, finite } from "./arithmetic.ts";
import { showNumber, type Maybe } from "./values.ts";

interface Arithmetic {
  readonly least: number;
  readonly most: number;
  /** For messages. */
  readonly takes: string;
  readonly of: (...numbers: number[]) => number;
}
const one = { least: 1, most: 1, takes: "one number" };
const some = { least: 1, most: Infinity, takes: "at least one number" };
const table: Readonly<Record<string, Arithmetic>> = {
  min: { ...some, of: (...all) => all.reduce((a, b) => Math.min(a, b)) },
  max: { ...some, of: (...all) => all.reduce((a, b) => Math.max(a, b)) },
  floor: { ...one, of: Math.floor },
  sqrt: { ...one, of: Math.sqrt },
  /** With the sign of the divisor, so that layers count in cycles from any start. */
  mod: { least: 2, most: 2, takes: "two numbers", of: (a, b) => a - b * Math.floor(a / b) },
};
export const functions: readonly string[] = Object.keys(table);

export const call = (name: Name, expr: ReferenceExpr, ctx: Context): Maybe => {
  const { least, most, takes, of } = table[name.text]!;
  const args = expr.args ?? [];
  const values = args.map((arg) => ctx.checker.evaluate(arg.value, undefined, ctx));
  if (isUnread(args)) return undefined;
  if (args.length < least || args.length > most || args.some((arg) => arg.name !== undefined)) {
    ctx.report("function-arguments", expr.span, { name: name.text, wanted: takes });
    return undefined;
  }
  const numbers = values.map((value) => value && asNumber(value, name.text, ctx));
  const known = numbers.filter((n) => n !== undefined);
  if (known.length < numbers.length) return undefined;
  const { value, unit } = known[0]!;
  const odd = known.find((n) => n.unit !== unit);
  if (odd !== undefined) {
    const [left, right] = [showNumber(value, unit), showNumber(odd.value, odd.unit)];
    ctx.report("mixed-units", expr.span, { op: name.text, left, right });
    return undefined;
  }
  if (name.text === "mod" && known[1]!.value === 0) {
    reportValue(ctx, "division-by-zero", args[1]!.value.span, {});
    return undefined;
  }
  if (name.text === "sqrt" && value < 0) {
    reportValue(ctx, "negative-square-root", expr.span, { value: showNumber(value, unit) });
    return undefined;
  }
  return finite(of(...known.map((n) => n.value)), unit, expr.span, ctx);
};

/** Whether names in it may be constructors: their type is that of the place where they stand. */
export const hasConstructor = (expr: Expr): boolean => {
  switch (expr.kind) {
    case "reference":
      return !(expr.args !== undefined && functions.includes(expr.path[0]?.text ?? ""));
    case "list":
      return expr.items.some(hasConstructor);
    case "group":
      return hasConstructor(expr.inner);
    case "if":
      return hasConstructor(expr.then) || hasConstructor(expr.else);
    default:
      return false;
  }
};
