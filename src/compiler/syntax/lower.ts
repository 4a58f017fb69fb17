// CST -> AST: the tree as written. What is parsed as meant (`:` for `=`, a missing comma) is reported here with its fix;
// what could not be read becomes an ErrorExpr.
import type { CstElement, CstNode, IToken } from "chevrotain";
import type * as ast from "./ast.ts";
import { InternalError, type Fix, type Span } from "../diagnostics/types.ts";
import type { Docs } from "./docs.ts";
import type { Problems } from "./errors.ts";
import { endOf, isVirtual } from "./virtual.ts";
import { numberOf, stringOf, unitOf } from "./literals.ts";
import { lowerSelector } from "./selectors.ts";

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

const replace = (title: string, at: Span, newText: string): { readonly fixes: readonly Fix[] } => ({
  fixes: [{ title, edits: [{ at, newText }], applicability: "automatic" }],
});

/** Reports a missing comma between neighbours that each may end with one. */
function checkCommas(cx: Lowering, items: readonly CstNode[]): void {
  for (const item of items.slice(0, -1)) {
    if (token(item, "Comma") !== undefined) continue;
    const { end } = spanOf(cx, item);
    const at = cx.problems.span(end, end);
    cx.problems.add("missing-comma", at, {}, replace("Insert `,`", at, ","));
  }
}

/** `=` gives a value; `:` and `==` are read as it. */
function checkAssign(cx: Lowering, assign: IToken | undefined): void {
  if (assign === undefined) return;
  const at = spanOf(cx, assign);
  if (assign.image === ":")
    cx.problems.add("colon-for-equals", at, {}, replace("Write `=`", at, " ="));
  else if (assign.image === "==")
    cx.problems.add("comparison-for-equals", at, {}, replace("Write `=`", at, "="));
}

const damaged = ({ damage }: Lowering, { start, end }: Span): boolean =>
  damage.some((offset) => start <= offset && offset <= end);

export function lowerFile(
  cx: Lowering,
  cst: CstNode,
): { readonly edition?: ast.NumberExpr; readonly decls: readonly ast.Decl[] } {
  const edition = token(cst, "NumberToken");
  return {
    ...(edition === undefined ? {} : { edition: numberOf(cx, edition) }),
    decls: nodes(cst, "decl").map((decl) => lowerDecl(cx, decl)),
  };
}

function lowerDecl(cx: Lowering, decl: CstNode): ast.Decl {
  const span = spanOf(cx, decl);
  const doc = cx.docs.take(span.start);
  const shared = {
    span,
    exported: token(decl, "Export") !== undefined,
    ...(doc === undefined ? {} : { doc }),
  };
  const imports = node(decl, "imports");
  if (imports !== undefined) {
    const items = nodes(imports, "imported");
    checkCommas(cx, items);
    return {
      ...shared,
      kind: "import",
      names: items.map((item) => {
        const alias = token(item, "alias");
        return {
          name: nameOf(cx, need(token(item, "name"))),
          ...(alias === undefined ? {} : { as: nameOf(cx, alias) }),
        };
      }),
      from: stringOf(cx, need(token(imports, "StringToken"))),
    };
  }
  const binding = node(decl, "let");
  if (binding !== undefined) {
    checkAssign(cx, token(binding, "assign"));
    const type = node(binding, "type");
    return {
      ...shared,
      kind: "let",
      name: nameOf(cx, need(token(binding, "Name"))),
      ...(type === undefined ? {} : { type: lowerType(cx, type) }),
      value: damaged(cx, span)
        ? { kind: "error", span }
        : lowerValue(cx, need(node(binding, "value"))),
    };
  }
  const definition = need(node(decl, "definition"));
  const params = node(definition, "params");
  const extended = node(definition, "extended");
  const target = node(definition, "target");
  return {
    ...shared,
    kind: "definition",
    word: nameOf(cx, need(token(definition, "Kind"))),
    name: nameOf(cx, need(token(definition, "Name"))),
    params: params === undefined ? [] : lowerParams(cx, params),
    ...(params === undefined ? {} : { paramsSpan: spanOf(cx, params) }),
    ...(extended === undefined ? {} : { extends: lowerReference(cx, extended) }),
    ...(target === undefined ? {} : { for: lowerReference(cx, target) }),
    body: lowerBody(cx, need(node(definition, "body"))),
  };
}

function lowerParams(cx: Lowering, params: CstNode): readonly ast.Param[] {
  const items = nodes(params, "param");
  checkCommas(cx, items);
  return items.map((item) => {
    const doc = cx.docs.take(spanOf(cx, item).start);
    const value = node(item, "value");
    const given = value === undefined ? undefined : lowerValue(cx, value);
    const word = need(token(item, "Name"));
    const name = nameOf(cx, word);
    const written = node(item, "type");
    const type = written === undefined ? typeLike(given, name) : lowerType(cx, written);
    if (token(item, "Colon") === undefined) {
      const at = {
        ...name.span,
        start: name.span.end,
        end: (written === undefined ? name : type).span.end,
      };
      const shown = written === undefined ? showType(type) : cx.problems.text(type.span);
      cx.problems.add(
        "parameter-form",
        name.span,
        { better: `${name.text}: ${shown === "" ? "type" : shown}` },
        shown === "" ? {} : replace(`Write \`${name.text}: ${shown}\``, at, `: ${shown}`),
      );
    }
    return {
      ...(doc === undefined ? {} : { doc }),
      name,
      type,
      ...(given === undefined ? {} : { default: given }),
      span: { ...name.span, end: (given ?? type).span.end },
    };
  });
}

/** The type that a parameter's default has the look of. */
function typeLike(value: ast.Expr | undefined, { span }: ast.Name): ast.TypeExpr {
  const named = (text: string): ast.TypeExpr => ({ kind: "name", name: { text, span }, span });
  switch (value?.kind) {
    case "number":
      if (value.unit !== undefined)
        return named(value.unit.text === "%" ? "percent" : value.unit.text);
      return named(Number.isInteger(value.value) ? "int" : "float");
    case "string":
    case "bool":
      return named(value.kind);
    case "list":
      return { kind: "list", of: typeLike(value.items[0], { text: "", span }), span };
    default:
      return named("");
  }
}
const showType = (type: ast.TypeExpr): string => {
  const inner = type.kind === "list" ? showType(type.of) : type.name.text;
  return type.kind === "list" && inner !== "" ? `[${inner}]` : inner;
};

function lowerType(cx: Lowering, type: CstNode): ast.TypeExpr {
  const span = spanOf(cx, type);
  const inner = node(type, "type");
  if (inner !== undefined) return { kind: "list", of: lowerType(cx, inner), span };
  const word = token(type, "Name");
  // Reported already; `float` takes any number, so little more is said.
  return {
    kind: "name",
    name: word === undefined ? { text: "float", span } : nameOf(cx, word),
    span,
  };
}

function lowerReference(cx: Lowering, reference: CstNode): ast.Reference {
  const args = node(reference, "args");
  return {
    name: nameOf(cx, need(token(reference, "Name"))),
    ...(args === undefined ? {} : { args: lowerArgs(cx, args) }),
    span: spanOf(cx, reference),
  };
}

function lowerBody(cx: Lowering, body: CstNode): ast.Body {
  const span = spanOf(cx, body);
  const entries = nodes(body, "entry").map((entry) =>
    entry.name === "rule" ? lowerRule(cx, entry) : lowerSetting(cx, entry),
  );
  return {
    entries,
    broken: damaged(cx, span) || tokens(body, "RCurly").some(isVirtual),
    span,
  };
}

function lowerRule(cx: Lowering, rule: CstNode): ast.Rule {
  const span = spanOf(cx, rule);
  const doc = cx.docs.take(span.start);
  return {
    kind: "rule",
    ...(doc === undefined ? {} : { doc }),
    selector: lowerSelector(cx, need(node(rule, "selector"))),
    value: damaged(cx, span) ? { kind: "error", span } : lowerValue(cx, need(node(rule, "value"))),
    span,
  };
}

function lowerSetting(cx: Lowering, setting: CstNode): ast.Setting {
  const span = spanOf(cx, setting);
  const doc = cx.docs.take(span.start);
  const header = node(setting, "header");
  const body = node(setting, "body");
  const assign = token(setting, "assign");
  checkAssign(cx, assign);
  const shared = {
    kind: "setting" as const,
    ...(doc === undefined ? {} : { doc }),
    name: nameOf(cx, need(token(setting, "Name"))),
    ...(header === undefined ? {} : { header: lowerHeader(cx, header) }),
    span,
  };
  if (body !== undefined) return { ...shared, form: "block", body: lowerBody(cx, body) };
  const value = need(node(setting, "value"));
  return {
    ...shared,
    form: assign === undefined ? "in" : "assign",
    value: damaged(cx, span) ? { kind: "error", span: spanOf(cx, value) } : lowerValue(cx, value),
  };
}

function lowerHeader(cx: Lowering, header: CstNode): ast.Header {
  const span = spanOf(cx, header);
  const number = token(header, "NumberToken");
  if (number !== undefined) return { kind: "number", value: numberOf(cx, number), span };
  const value = node(header, "value");
  if (value !== undefined) return { kind: "value", value: lowerValue(cx, value), span };
  return { kind: "path", path: tokens(header, "Name").map((word) => nameOf(cx, word)), span };
}

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
  cx.problems.add("remainder-sign", sign, { better }, replace(`Write \`${better}\``, span, better));
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
  if (number !== undefined) return numberOf(cx, number, unitOf(cx, token(primary, "Unit")));
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

function lowerArgs(cx: Lowering, args: CstNode): readonly ast.Arg[] {
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
      cx.problems.add("equals-for-colon", spanOf(cx, assign), {}, replace("Write `:`", at, ":"));
    }
    return { name, value, span: { ...name.span, end: value.span.end } };
  });
  // What stood before a bracket that is missing may stand anywhere.
  const open = tokens(args, "RParen").some(isVirtual);
  const { end } = spanOf(cx, args);
  const rest = cx.problems.span(end, end);
  return open ? [...read, { value: { kind: "error", span: rest }, span: rest }] : read;
}
