// CST -> AST: values. Signs of other languages are read as meant, and reported with their fix.
import type { CstNode, IToken } from "chevrotain";
import type * as ast from "./ast.ts";
import { automatic } from "../diagnostics/fix.ts";
import type { Span } from "../diagnostics/types.ts";
import {
  checkCommas,
  inOrder,
  nameOf,
  need,
  node,
  nodes,
  spanOf,
  token,
  tokens,
  type Lowering,
} from "./cst.ts";
import { isTooLarge, numberOf, stringOf, unitOf } from "./literals.ts";
import { endOf, isVirtual } from "./virtual.ts";

export function lowerValue(cx: Lowering, value: CstNode): ast.Expr {
  const span = spanOf(cx, value);
  const test = node(value, "test");
  if (test !== undefined)
    return {
      kind: "if",
      test: lowerLogic(cx, test),
      then: lowerValue(cx, need(node(value, "then"))),
      else: lowerValue(cx, need(node(value, "else"))),
      span,
    };
  const from = lowerLogic(cx, need(node(value, "from")));
  const to = node(value, "to");
  return to === undefined ? from : { kind: "range", from, to: lowerLogic(cx, to), span };
}

/** Any of the operator rules: `logic`, `all`, `test`, `sum`, `product`, `unary`. */
function lowerLogic(cx: Lowering, level: CstNode): ast.Expr {
  const span = spanOf(cx, level);
  if (level.name === "unary") {
    const operand = lowerPrimary(cx, need(node(level, "primary")));
    return token(level, "Minus") === undefined
      ? operand
      : { kind: "unary", op: "-", operand, span };
  }
  const operands = nodes(level, "operand").map((operand) => lowerLogic(cx, operand));
  const word = level.name === "logic" ? "or" : "and";
  const ops = tokens(level, "op");
  if (level.name === "test" && ops.length > 1) {
    cx.problems.add("chained-comparison", spanOf(cx, need(ops[1])));
    return { kind: "error", span };
  }
  const result = operands.reduce((left, right, i) => {
    const at = { ...left.span, end: right.span.end };
    const op = ops[i - 1];
    return op?.image === "%"
      ? remainder(cx, [left, right], spanOf(cx, op), at)
      : { kind: "binary", op: (op?.image ?? word) as ast.BinaryOp, left, right, span: at };
  });
  return token(level, "Not") === undefined
    ? result
    : { kind: "unary", op: "not", operand: result, span };
}

/** `a % b` is read as `mod(a, b)`. */
function remainder(
  cx: Lowering,
  operands: readonly [ast.Expr, ast.Expr],
  sign: Span,
  span: Span,
): ast.Expr {
  const better = `mod(${operands.map((operand) => cx.problems.text(operand.span)).join(", ")})`;
  cx.problems.add(
    "remainder-sign",
    sign,
    { better },
    automatic(`Write \`${better}\``, span, better),
  );
  return {
    kind: "reference",
    path: [{ text: "mod", span: sign }],
    args: operands.map((value) => ({ value, span: value.span })),
    span,
  };
}

function lowerPrimary(cx: Lowering, primary: CstNode): ast.Expr {
  const span = spanOf(cx, primary);
  const number = token(primary, "NumberToken");
  if (number !== undefined) {
    const read = numberOf(cx, number, unitOf(cx, token(primary, "Unit")));
    return isTooLarge(number) ? { kind: "error", span } : read;
  }
  const text = token(primary, "StringToken");
  if (text !== undefined) return stringOf(cx, text);
  const truth = token(primary, "Bool");
  if (truth !== undefined) return { kind: "bool", value: truth.image === "true", span };
  const list = node(primary, "list");
  if (list !== undefined) {
    const items = nodes(list, "item");
    checkCommas(cx, items);
    return {
      kind: "list",
      items: items.map((item) => lowerValue(cx, need(node(item, "value")))),
      span,
    };
  }
  const inner = node(primary, "value");
  if (inner !== undefined) return { kind: "group", inner: lowerValue(cx, inner), span };
  const path = inOrder(tokens(primary, "Name")) as readonly IToken[];
  if (path.length === 0) return { kind: "error", span };
  const args = node(primary, "args");
  return {
    kind: "reference",
    path: path.map((word) => nameOf(cx, word)),
    ...(args === undefined ? {} : { args: lowerArgs(cx, args) }),
    span,
  };
}

export function lowerArgs(cx: Lowering, args: CstNode): readonly ast.Arg[] {
  const items = nodes(args, "arg");
  checkCommas(cx, items);
  const read = items.map((item): ast.Arg => {
    const word = token(item, "Name");
    const value = lowerValue(cx, need(node(item, "value")));
    if (word === undefined) return { value, span: value.span };
    const assign = need(token(item, "assign"));
    const name = nameOf(cx, word);
    if (assign.image === "=") {
      const at = { ...name.span, start: name.span.end, end: endOf(assign) };
      cx.problems.add("equals-for-colon", spanOf(cx, assign), {}, automatic("Write `:`", at, ":"));
    }
    return { name, value, span: { ...name.span, end: value.span.end } };
  });
  // What stood before a bracket that is missing may stand anywhere.
  const open = tokens(args, "RParen").some(isVirtual);
  const { end } = spanOf(cx, args);
  const rest = cx.problems.span(end, end);
  return open ? [...read, { value: { kind: "error", span: rest }, span: rest }] : read;
}
