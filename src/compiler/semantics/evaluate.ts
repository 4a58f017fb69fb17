// Expressions to values: arithmetic with units, comparisons, `if`, names in the order the language gives them.
// A mistake is reported once where it stands and becomes the poison value `undefined`.
import { spineOf } from "../syntax/ast.ts";
import type { BinaryExpr, Expr, IfExpr, ListExpr, Name } from "../syntax/ast.ts";
import { asNumber, combine, finite } from "./arithmetic.ts";
import { conform } from "./conform.ts";
import type { Context, Want } from "./context.ts";
import { didYouMean } from "./did-you-mean.ts";
import { reference } from "./names.ts";
import {
  computed,
  moved,
  showVal,
  unitWords,
  val,
  withUnit,
  plural,
  type Maybe,
  type Val,
} from "./values.ts";

export const evaluate = (expr: Expr, want: Want | undefined, ctx: Context): Maybe => {
  if (want?.type.kind === "list" && want.type.single === true && !isList(expr, ctx)) {
    const one = evaluate(expr, { ...want, type: want.type.of }, ctx);
    return one && (one.raw.k === "none" ? one : { ...one, raw: { k: "list", items: [one] } });
  }
  const found = raw(expr, want, ctx);
  return found && want ? conform(found, want, ctx) : found;
};

const isList = (expr: Expr, ctx: Context): boolean => {
  switch (expr.kind) {
    case "list":
      return true;
    case "group":
      return isList(expr.inner, ctx);
    case "reference": {
      if (expr.path.length !== 1) return false;
      const name = expr.path[0]!.text;
      const bound = ctx.env.get(name);
      if (bound !== undefined) return bound.raw.k === "list";
      const binding = ctx.module.names.get(name);
      return binding?.kind === "let" && binding.decl.value.kind === "list";
    }
    default:
      return false;
  }
};

const raw = (expr: Expr, want: Want | undefined, ctx: Context): Maybe => {
  switch (expr.kind) {
    case "error":
      return undefined;
    case "number": {
      if (expr.unit === undefined) return finite(expr.value, undefined, expr.span, ctx);
      const known = withUnit(expr.value, expr.unit.text);
      if (known !== undefined) return finite(known.value, known.unit, expr.span, ctx);
      ctx.report(
        "unknown-unit",
        expr.unit.span,
        { unit: expr.unit.text },
        unitHelp(expr.unit, want),
      );
      return undefined;
    }
    case "string":
      return val({ k: "string", value: expr.value }, expr.span);
    case "bool":
      return val({ k: "bool", value: expr.value }, expr.span);
    case "group":
      return moved(evaluate(expr.inner, want, ctx), expr.span);
    case "list":
      return list(expr, want, ctx);
    case "range": {
      const end = want?.type.kind === "range" ? { type: want.type.of, optional: false } : undefined;
      const ends = { from: evaluate(expr.from, end, ctx), to: evaluate(expr.to, end, ctx) };
      return val({ k: "range", ...ends }, expr.span);
    }
    case "if":
      return choose(expr, want, ctx);
    case "unary": {
      const operand = evaluate(expr.operand, undefined, ctx);
      if (operand === undefined) return undefined;
      if (expr.op === "not") {
        const bool = asBool(operand, ctx);
        return bool === undefined ? undefined : val({ k: "bool", value: !bool }, expr.span);
      }
      const number = asNumber(operand, "-", ctx);
      const value = number && finite(-number.value, number.unit, expr.span, ctx);
      return value && computed(value, operand);
    }
    case "binary":
      return binary(expr, ctx);
    case "reference":
      return reference(expr, want, ctx);
  }
};

const unitHelp = (unit: Name, want: Want | undefined): ReturnType<typeof didYouMean> =>
  want?.type.kind === "quantity"
    ? didYouMean(unit, want.type.units.map(plural))
    : didYouMean(unit, unitWords);

const list = (expr: ListExpr, want: Want | undefined, ctx: Context): Maybe => {
  const of = want?.type.kind === "list" ? { type: want.type.of, optional: false } : undefined;
  if (want !== undefined && of === undefined) {
    // Said by `conform`, about the list alone.
    return val({ k: "list", items: [] }, expr.span);
  }
  return val({ k: "list", items: expr.items.map((item) => evaluate(item, of, ctx)) }, expr.span);
};

/** Both branches are typed, the one that is taken is evaluated. */
const choose = (expr: IfExpr, want: Want | undefined, ctx: Context): Maybe => {
  const test = evaluate(expr.test, undefined, ctx);
  const taken = test && asBool(test, ctx);
  const dry = { ...ctx, dry: true };
  const then = evaluate(expr.then, want, taken === true ? ctx : dry);
  const other = evaluate(expr.else, want, taken === false ? ctx : dry);
  if (taken === undefined) return undefined;
  return moved(taken ? then : other, expr.span);
};

const asBool = (value: Val, ctx: Context): boolean | undefined => {
  if (value.raw.k === "bool") return value.raw.value;
  const { at } = value;
  const text =
    ctx.module.source.id === at.file ? ctx.module.source.text.slice(at.start, at.end) : "";
  const compared = value.raw.k === "number" && text !== "" ? [`write \`${text} != 0\``] : [];
  ctx.report(
    "wrong-type",
    at,
    { wanted: "true or false", found: showVal(value) },
    { help: compared },
  );
  return undefined;
};

const binary = (expr: BinaryExpr, ctx: Context): Maybe => {
  const nodes = spineOf(expr);
  let value = evaluate(nodes[0]!.left, undefined, ctx);
  for (const node of nodes) value = joined(node, value, ctx);
  return value;
};

const joined = (expr: BinaryExpr, left: Maybe, ctx: Context): Maybe => {
  const { op } = expr;
  if (op === "and" || op === "or") {
    const a = left && asBool(left, ctx);
    const decided = a !== undefined && a === (op === "or");
    const right = evaluate(expr.right, undefined, decided ? { ...ctx, dry: true } : ctx);
    const b = right && asBool(right, ctx);
    if (a === undefined || (b === undefined && !decided)) return undefined;
    return val({ k: "bool", value: decided ? a : (b ?? a) }, expr.span);
  }
  const right = evaluate(expr.right, undefined, ctx);
  if (left === undefined || right === undefined) return undefined;
  if (
    (op === "==" || op === "!=") &&
    plainKey(left) !== undefined &&
    plainKey(right) !== undefined
  ) {
    if (left.raw.k !== "number" || right.raw.k !== "number")
      return val(
        { k: "bool", value: (plainKey(left) === plainKey(right)) === (op === "==") },
        expr.span,
      );
  }
  const a = asNumber(left, op, ctx);
  const b = asNumber(right, op, ctx);
  if (a === undefined || b === undefined) return undefined;
  const value = combine(expr, a, b, ctx);
  return value && computed(value, left, right);
};

const plainKey = ({ raw: r }: Val): string | undefined =>
  r.k === "string" || r.k === "word" || r.k === "bool" || r.k === "none"
    ? `${r.k === "word" ? "string" : r.k} ${"value" in r ? String(r.value) : ""}`
    : r.k === "number"
      ? `number ${r.value} ${r.unit ?? ""}`
      : undefined;
