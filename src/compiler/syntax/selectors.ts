// Selectors: `a.b, c and not d`. One operand stands for itself, so that the tree holds no empty levels.
import type { CstNode } from "chevrotain";
import type * as ast from "./ast.ts";
import { lowerValue, nameOf, need, node, nodes, spanOf, token, type Lowering } from "./lower.ts";

export function lowerSelector(cx: Lowering, selector: CstNode): ast.Selector {
  return join(
    cx,
    selector,
    "or",
    nodes(selector, "both").map((both) => lowerBoth(cx, both)),
  );
}

function lowerBoth(cx: Lowering, both: CstNode): ast.Selector {
  return join(
    cx,
    both,
    "and",
    nodes(both, "pick").map((pick) => lowerPick(cx, pick)),
  );
}

function join(
  cx: Lowering,
  cst: CstNode,
  kind: "and" | "or",
  operands: readonly ast.Selector[],
): ast.Selector {
  return operands.length === 1 ? need(operands[0]) : { kind, operands, span: spanOf(cx, cst) };
}

function lowerPick(cx: Lowering, pick: CstNode): ast.Selector {
  if (pick.name === "grouped") return lowerSelector(cx, need(node(pick, "selector")));
  const grouped = node(pick, "grouped");
  const path = node(pick, "path");
  const operand = path === undefined ? lowerPick(cx, need(grouped)) : lowerPath(cx, path);
  return token(pick, "Not") === undefined
    ? operand
    : { kind: "not", operand, span: spanOf(cx, pick) };
}

function lowerPath(cx: Lowering, path: CstNode): ast.Selector {
  const segments = nodes(path, "segment").map((segment): ast.Segment => {
    const span = spanOf(cx, segment);
    const word = token(segment, "Name");
    if (word === undefined)
      return { kind: token(segment, "DoubleStar") === undefined ? "any" : "deep", span };
    const index = node(segment, "value");
    return {
      kind: "name",
      name: nameOf(cx, word),
      ...(index === undefined ? {} : { index: lowerValue(cx, index) }),
      span,
    };
  });
  return { kind: "path", segments, span: spanOf(cx, path) };
}
