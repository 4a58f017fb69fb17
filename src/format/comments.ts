// Gives every comment a slot. Items (declarations, entries, parameters, arguments, list items) start and end at slots,
// and containers close at one; a comment goes to a neighbouring slot, so that the order of comments cannot change. Bodies and
// parameters open at one too: a `///` before their bracket documents nothing, and must not come to document what is inside.
import { operandsOf } from "../compiler/syntax/ast.ts";
import type {
  Comment,
  Decl,
  Expr,
  FileAst,
  Arg,
  Body,
  Param,
  Selector,
} from "../compiler/syntax/ast.ts";
import type { Span } from "../compiler/diagnostics/types.ts";

export interface Attached {
  /** Before an item, or before the opening bracket of a container. */
  readonly leading: Comment[];
  readonly trailing: Comment[];
  /** Before the closing bracket of the container. */
  readonly last: Comment[];
}

interface Slot {
  readonly at: number;
  readonly kind: "start" | "end" | "open" | "close";
  readonly key: object;
}

/** The comments of each item or container. */
export type Attachments = ReadonlyMap<object, Attached>;

/** In the order of the text. */
function slotsOf(file: FileAst): readonly Slot[] {
  const slots: Slot[] = [];
  const item = (key: { readonly span: Span }, inside: () => void): void => {
    slots.push({ at: key.span.start, kind: "start", key });
    inside();
    slots.push({ at: key.span.end, kind: "end", key });
  };
  const open = (key: object, at: number): void => {
    slots.push({ at, kind: "open", key });
  };
  const close = (key: object, at: number): void => {
    slots.push({ at, kind: "close", key });
  };
  const exprs = (expr: Expr): void => {
    switch (expr.kind) {
      case "reference":
        if (expr.args !== undefined) args(expr.args, expr.span.end);
        return;
      case "list":
        for (const one of expr.items) item(one, () => exprs(one));
        close(expr, expr.span.end - 1);
        return;
      case "group":
        exprs(expr.inner);
        return;
      case "unary":
        exprs(expr.operand);
        return;
      case "binary":
        for (const operand of operandsOf(expr)) exprs(operand);
        return;
      case "range":
        exprs(expr.from);
        exprs(expr.to);
        return;
      case "if":
        exprs(expr.test);
        exprs(expr.then);
        exprs(expr.else);
        return;
      case "number":
      case "string":
      case "bool":
      case "error":
        return;
      default:
        expr satisfies never;
    }
  };
  const args = (all: readonly Arg[], end: number): void => {
    for (const arg of all) item(arg, () => exprs(arg.value));
    close(all, end - 1);
  };
  const selector = (one: Selector): void => {
    if (one.kind === "path") {
      for (const segment of one.segments)
        if (segment.kind === "name" && segment.index !== undefined) exprs(segment.index);
    } else if (one.kind === "not") selector(one.operand);
    else one.operands.forEach(selector);
  };
  const body = (all: Body): void => {
    open(all, all.span.start);
    for (const entry of all.entries)
      item(entry, () => {
        if (entry.kind === "rule") {
          selector(entry.selector);
          exprs(entry.value);
          return;
        }
        if (entry.header?.kind === "value") exprs(entry.header.value);
        if (entry.value !== undefined) exprs(entry.value);
        if (entry.body !== undefined) body(entry.body);
      });
    close(all, all.span.end - 1);
  };
  const param = (one: Param): void => {
    item(one, () => {
      if (one.default !== undefined) exprs(one.default);
    });
  };
  const decl = (one: Decl): void => {
    if (one.kind === "let") exprs(one.value);
    if (one.kind !== "definition") return;
    if (one.paramsSpan !== undefined) open(one.params, one.paramsSpan.start);
    one.params.forEach(param);
    if (one.paramsSpan !== undefined) close(one.params, one.paramsSpan.end - 1);
    for (const reference of [one.extends, one.for])
      if (reference?.args !== undefined) args(reference.args, reference.span.end);
    body(one.body);
  };
  if (file.edition !== undefined) item(file.edition, () => undefined);
  for (const one of file.decls) item(one, () => decl(one));
  close(file, file.source.text.length);
  return slots;
}

export function attachComments(file: FileAst): Attachments {
  const slots = slotsOf(file);
  const attached = new Map<object, Attached>();
  const at = (key: object): Attached => {
    const found = attached.get(key) ?? { leading: [], trailing: [], last: [] };
    attached.set(key, found);
    return found;
  };
  let next = 0;
  file.comments.forEach((comment, i) => {
    while (next < slots.length - 1 && (slots[next]?.at ?? 0) <= comment.span.start) next++;
    const before = slots[next - 1];
    let after = slots[next];
    if (after?.kind === "open") {
      const { at: bracket, key } = after;
      const rest = file.comments.slice(i).filter(({ span }) => span.start < bracket);
      const begun = (attached.get(key)?.leading.length ?? 0) > 0;
      if (begun || rest.some(({ doc }) => doc)) {
        at(key).leading.push(comment);
        return;
      }
      after = slots[next + 1];
    }
    const between =
      before === undefined ? "\n" : file.source.text.slice(before.at, comment.span.start);
    if (before?.kind === "end" && /^[\s,]*$/.test(between) && !between.includes("\n"))
      at(before.key).trailing.push(comment);
    else if (after?.kind === "start") at(after.key).leading.push(comment);
    else if (after?.kind === "end") at(after.key).trailing.push(comment);
    else if (after !== undefined) at(after.key).last.push(comment);
  });
  return attached;
}
