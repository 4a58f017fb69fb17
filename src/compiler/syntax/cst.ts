// Reading the tree that the parser hands over: its parts by key, their places in the text.
import type { CstElement, CstNode, IToken } from "chevrotain";
import type * as ast from "./ast.ts";
import { automatic } from "../diagnostics/fix.ts";
import { InternalError, type Span } from "../diagnostics/types.ts";
import type { Docs } from "./docs.ts";
import type { Problems } from "./problems.ts";
import { endOf } from "./virtual.ts";

export interface Lowering {
  readonly problems: Problems;
  readonly docs: Docs;
  /** Offsets where something was cut out. */
  readonly damage: readonly number[];
}

export const isNode = (element: CstElement): element is CstNode => "children" in element;
export const nodes = (node: CstNode, key: string): readonly CstNode[] =>
  (node.children[key] ?? []).filter(isNode);
export const tokens = (node: CstNode, key: string): readonly IToken[] =>
  (node.children[key] ?? []).filter((element): element is IToken => !isNode(element));
export const node = (parent: CstNode, key: string): CstNode | undefined => nodes(parent, key)[0];
export const token = (parent: CstNode, key: string): IToken | undefined => tokens(parent, key)[0];
/** What the grammar guarantees. */
export function need<T>(found: T | undefined): T {
  if (found === undefined) throw new InternalError("the grammar and lowering disagree");
  return found;
}

export const spanOf = ({ problems }: Lowering, element: CstNode | IToken): Span => {
  if (!isNode(element)) return problems.span(element.startOffset, endOf(element));
  const at = element.location;
  return problems.span(at?.startOffset ?? 0, (at?.endOffset ?? -1) + 1);
};
export const nameOf = (cx: Lowering, word: IToken): ast.Name => ({
  text: word.image,
  span: spanOf(cx, word),
});
export const inOrder = (elements: readonly CstElement[]): readonly CstElement[] =>
  [...elements].sort((a, b) => startOf(a) - startOf(b));
const startOf = (element: CstElement): number =>
  isNode(element) ? (element.location?.startOffset ?? 0) : element.startOffset;

/** Reports a missing comma between neighbours that each may end with one. */
export function checkCommas(cx: Lowering, items: readonly CstNode[]): void {
  for (const item of items.slice(0, -1)) {
    if (token(item, "Comma") !== undefined) continue;
    const { end } = spanOf(cx, item);
    const at = cx.problems.span(end, end);
    cx.problems.add("missing-comma", at, {}, automatic("Insert `,`", at, ","));
  }
}
