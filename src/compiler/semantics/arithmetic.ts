// Numbers with units: what may be added, multiplied and compared.
import type { Span } from "../diagnostics/types.ts";
import type { BinaryExpr } from "../syntax/ast.ts";
import { reportValue, type Context } from "./context.ts";
import type { Unit } from "./schema.ts";
import { showNumber, showVal, val, type Maybe, type Val } from "./values.ts";

export interface Num {
  readonly value: number;
  readonly unit: Unit | undefined;
}

export const finite = (value: number, unit: Unit | undefined, span: Span, ctx: Context): Maybe => {
  if (!Number.isFinite(value)) {
    reportValue(ctx, "overflow", span, {});
    return undefined;
  }
  const clean = value === 0 ? 0 : value; // no negative zero in a Spec
  return val(
    unit === undefined ? { k: "number", value: clean } : { k: "number", value: clean, unit },
    span,
  );
};

export const asNumber = (value: Val, op: string, ctx: Context): Num | undefined => {
  const { raw: r } = value;
  if (r.k === "number" || r.k === "quantity") return { value: r.value, unit: r.unit };
  ctx.report("wrong-type", value.at, { wanted: `a number for \`${op}\``, found: showVal(value) });
  return undefined;
};

export const combine = (expr: BinaryExpr, a: Num, b: Num, ctx: Context): Maybe => {
  const number = (value: number, unit?: Unit): Maybe => finite(value, unit, expr.span, ctx);
  const { op } = expr;
  switch (op) {
    case "*":
      if (a.unit === undefined || a.unit === "%")
        return number(
          a.value * b.value,
          b.unit === "%" && a.unit === undefined ? undefined : b.unit,
        );
      if (b.unit === undefined || b.unit === "%") return number(a.value * b.value, a.unit);
      break;
    case "/":
      if (b.value === 0) {
        reportValue(ctx, "division-by-zero", expr.right.span, {});
        return undefined;
      }
      if (a.unit === b.unit) return number(a.value / b.value);
      if (b.unit === undefined || b.unit === "%") return number(a.value / b.value, a.unit);
      break;
    default: {
      if (a.unit !== b.unit) break;
      if (op === "+") return number(a.value + b.value, a.unit);
      if (op === "-") return number(a.value - b.value, a.unit);
      const value = compare(op, a.value, b.value);
      return val({ k: "bool", value }, expr.span);
    }
  }
  ctx.report("mixed-units", expr.span, {
    op,
    left: showNumber(a.value, a.unit),
    right: showNumber(b.value, b.unit),
  });
  return undefined;
};

const compare = (op: string, a: number, b: number): boolean => {
  switch (op) {
    case "==":
      return a === b;
    case "!=":
      return a !== b;
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    default:
      return a >= b;
  }
};
