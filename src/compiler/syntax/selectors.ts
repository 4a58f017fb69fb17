// Selectors: `a.b, c and not d`. One operand stands for itself, so that the tree holds no empty levels.
import type { CstNode } from "chevrotain";
import { automatic } from "../diagnostics/fix.ts";
import type * as ast from "./ast.ts";
import { numberOf } from "./literals.ts";
import { inOrder, isNode, nameOf, need, node, nodes, spanOf, token, type Lowering } from "./cst.ts";
import { lowerValue } from "./expressions.ts";

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
  const segments: ast.Segment[] = [];
  for (const segment of inOrder(path.children["segment"] ?? [])) {
    const span = spanOf(cx, segment);
    if (!isNode(segment)) {
      const index = numberOf(cx, segment);
      const last = segments.at(-1);
      const host = last?.kind === "name" && last.index === undefined ? last : undefined;
      const at = { ...span, start: last?.span.end ?? span.start };
      const better = `[${index.text}]`;
      const shown = `${host?.name.text ?? "blocks"}${better}`;
      const fix = host === undefined ? {} : automatic(`Write \`${shown}\``, at, better);
      cx.problems.add("index-form", at, { better: shown }, fix);
      if (host !== undefined)
        segments[segments.length - 1] = { ...host, index, span: { ...host.span, end: span.end } };
      continue;
    }
    const word = token(segment, "Name");
    if (word === undefined) {
      segments.push({ kind: token(segment, "DoubleStar") === undefined ? "any" : "deep", span });
    } else {
      const index = node(segment, "value");
      const name = nameOf(cx, word);
      if (token(segment, "all") !== undefined) {
        const at = { ...span, start: name.span.end };
        const fix = automatic(`Write \`${name.text}\``, at, "");
        cx.problems.add("index-form", at, { better: name.text }, fix);
      }
      segments.push({
        kind: "name",
        name,
        ...(index === undefined ? {} : { index: lowerValue(cx, index) }),
        span,
      });
    }
  }
  return { kind: "path", segments, span: spanOf(cx, path) };
}
