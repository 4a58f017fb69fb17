// Scalars that depend on the step alone, as data: built by the compiler, evaluated by the host in float64.
import type { ScalarExpr } from "./manifest.ts";

export const step: ScalarExpr = { op: "step" };
export const add = (x: ScalarExpr, y: ScalarExpr): ScalarExpr => ({ op: "add", x, y });
export const sub = (x: ScalarExpr, y: ScalarExpr): ScalarExpr => ({ op: "sub", x, y });
export const mul = (x: ScalarExpr, y: ScalarExpr): ScalarExpr => ({ op: "mul", x, y });
export const div = (x: ScalarExpr, y: ScalarExpr): ScalarExpr => ({ op: "div", x, y });
export const pow = (x: ScalarExpr, y: ScalarExpr): ScalarExpr => ({ op: "pow", x, y });
export const min = (x: ScalarExpr, y: ScalarExpr): ScalarExpr => ({ op: "min", x, y });
export const cos = (x: ScalarExpr): ScalarExpr => ({ op: "cos", x });
/** x < y ? then : otherwise; only the branch taken is evaluated. */
export const less = (
  x: ScalarExpr,
  y: ScalarExpr,
  then: ScalarExpr,
  otherwise: ScalarExpr,
): ScalarExpr => ({
  op: "less",
  x,
  y,
  then,
  else: otherwise,
});

const binary = {
  add: (x: number, y: number) => x + y,
  sub: (x: number, y: number) => x - y,
  mul: (x: number, y: number) => x * y,
  div: (x: number, y: number) => x / y,
  pow: (x: number, y: number) => x ** y,
  min: (x: number, y: number) => Math.min(x, y),
};

/** @param at the 1-based number of the update */
export const evaluateScalar = (expr: ScalarExpr, at: number): number => {
  if (typeof expr === "number") return expr;
  switch (expr.op) {
    case "step":
      return at;
    case "less":
      return evaluateScalar(
        evaluateScalar(expr.x, at) < evaluateScalar(expr.y, at) ? expr.then : expr.else,
        at,
      );
    case "cos":
      return Math.cos(evaluateScalar(expr.x, at));
    default:
      return binary[expr.op](evaluateScalar(expr.x, at), evaluateScalar(expr.y, at));
  }
};
