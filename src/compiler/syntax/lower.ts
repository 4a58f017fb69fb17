// CST -> AST: files, declarations and their bodies, as written. What is parsed as meant (`:` for `=`, a missing comma) is
// reported with its fix; what could not be read becomes an ErrorExpr.
import type { CstNode, IToken } from "chevrotain";
import type * as ast from "./ast.ts";
import { automatic } from "../diagnostics/fix.ts";
import type { Span } from "../diagnostics/types.ts";
import {
  checkCommas,
  nameOf,
  need,
  node,
  nodes,
  spanOf,
  token,
  tokens,
  type Lowering,
} from "./cst.ts";
import { lowerArgs, lowerValue } from "./expressions.ts";
import { numberOf, stringOf } from "./literals.ts";
import { lowerSelector } from "./selectors.ts";
import { isVirtual } from "./virtual.ts";

/** `=` gives a value; `:` and `==` are read as it. */
function checkAssign(cx: Lowering, assign: IToken | undefined): void {
  if (assign === undefined) return;
  const at = spanOf(cx, assign);
  if (assign.image === ":")
    cx.problems.add("colon-for-equals", at, {}, automatic("Write `=`", at, " ="));
  else if (assign.image === "==")
    cx.problems.add("comparison-for-equals", at, {}, automatic("Write `=`", at, "="));
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
        shown === "" ? {} : automatic(`Write \`${name.text}: ${shown}\``, at, `: ${shown}`),
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
  // of a setting that has lost something, the sign is the least
  if (!damaged(cx, span)) checkAssign(cx, assign);
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
