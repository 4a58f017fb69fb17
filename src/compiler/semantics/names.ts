// Names in values: layer index, parameter, declaration or let, variant of the expected type, in that order.
import type { Span } from "../diagnostics/types.ts";
import type { Name, ReferenceExpr } from "../syntax/ast.ts";
import { construct, settled } from "./construct.ts";
import type { Binding, Context, Want } from "./context.ts";
import { call, functions, hasConstructor } from "./functions.ts";
import type { Constructor, Type } from "./schema.ts";
import { typeOf } from "./types-of.ts";
import { reportUnknown, unquoted } from "./unknown-names.ts";
import { moved, val, type Maybe } from "./values.ts";

export const reference = (expr: ReferenceExpr, want: Want | undefined, ctx: Context): Maybe => {
  const first = expr.path[0];
  if (first === undefined) return undefined;
  if (expr.path.length > 1) {
    const name = expr.path.map((n) => n.text).join(".");
    const help = want?.type.kind === "string" || want?.type.kind === "list" ? [unquoted(name)] : [];
    ctx.report("dotted-name", expr.span, { name }, { help });
    return undefined;
  }
  const variants = variantsFor(first.text, want, ctx);
  if (expr.args !== undefined) {
    // functions give numbers: where a form or a word is due, the name was meant for one
    const due = want?.type.kind;
    if (due !== "sum" && due !== "word" && functions.includes(first.text))
      return call(first, expr, ctx);
    const one = variants[0];
    if (one !== undefined) return construct(one, expr.args, expr.span, ctx);
    const binding = ctx.module.names.get(first.text);
    if (binding?.kind === "broken") return undefined;
    if (binding !== undefined || ctx.env.has(first.text)) {
      const found = expr.args.length === 0 ? named(first, expr, want, ctx) : "no such name";
      if (found !== "no such name") return found;
      ctx.report("not-callable", first.span, { name: first.text });
      return undefined;
    }
    reportUnknown(expr, first, want, ctx);
    return undefined;
  }
  const found = named(first, expr, want, ctx);
  if (found !== "no such name") {
    if (want !== undefined && isVariantWord(first.text, want, variants))
      ctx.report(
        "ambiguous-name",
        expr.span,
        { name: first.text },
        {
          help: [`rename it, or write \`${first.text}()\` for the variant`],
        },
      );
    return found;
  }
  if (first.text === "none" && (want === undefined || want.optional || variants.length === 0))
    if (want?.type.kind !== "word") return val({ k: "none" }, expr.span);
  if (want?.type.kind === "word") {
    if (want.type.words.some((w) => w.name === first.text))
      return val({ k: "word", value: first.text }, expr.span);
    if (first.text === "none" && want.optional) return val({ k: "none" }, expr.span);
  }
  const one = variants[0];
  if (one !== undefined) return construct(one, [], expr.span, ctx);
  reportUnknown(expr, first, want, ctx);
  return undefined;
};

const isVariantWord = (name: string, want: Want, variants: readonly Constructor[]): boolean =>
  want.type.kind === "word"
    ? want.type.words.some((w) => w.name === name)
    : want.type.kind === "sum" && variants.length > 0;

/** Of the expected sum; without an expectation, of any, if only one has it. */
const variantsFor = (
  name: string,
  want: Want | undefined,
  ctx: Context,
): readonly Constructor[] => {
  const all = ctx.checker.vocabulary.constructors.filter((c) => c.name === name);
  if (want === undefined) return all.length === 1 ? all : [];
  const { type } = want;
  return type.kind === "sum" ? all.filter((c) => c.of === type.name) : [];
};

/** Layer index, parameter, key (in defaults), then the names of the file. */
const named = (
  name: Name,
  expr: ReferenceExpr,
  want: Want | undefined,
  ctx: Context,
): Maybe | "no such name" => {
  const { text } = name;
  if (ctx.layer !== undefined && (text === "l" || text === "L")) {
    const value = ctx.layer[text];
    return value === undefined ? undefined : val({ k: "number", value }, expr.span);
  }
  if (ctx.env.has(text)) return moved(settled(ctx.env.get(text), ctx), expr.span);
  if (ctx.keys?.has(text) === true) return moved(ctx.keys.get(text), expr.span);
  const binding = ctx.module.names.get(text);
  if (binding === undefined) return "no such name";
  if (binding.kind === "broken") return undefined;
  if (binding.kind === "definition") {
    ctx.report("not-a-value", expr.span, { name: text, kind: binding.decl.word.text });
    return undefined;
  }
  return moved(settled(evaluateLet(binding, want, expr.span, ctx), ctx), expr.span);
};

/** A `let` of plain values is evaluated by itself, one that names constructors with the type of the place. */
export const evaluateLet = (
  binding: Extract<Binding, { kind: "let" }>,
  want: Want | undefined,
  use: Span,
  ctx: Context,
): Maybe => {
  const { checker } = ctx;
  const { decl, module } = binding;
  const declared = decl.type && typeOf(decl.type, ctx);
  if (decl.type !== undefined && declared === undefined) return undefined;
  const wanted = declared
    ? { type: declared, optional: false }
    : hasConstructor(decl.value)
      ? want
      : undefined;
  const cached = checker.lets.get(decl) ?? new Map<Type | undefined, Maybe>();
  checker.lets.set(decl, cached);
  if (cached.has(wanted?.type)) return cached.get(wanted?.type);
  if (checker.letsOpen.has(decl)) {
    const names = [...checker.letsOpen].map((d) => d.name.text);
    const cycle = [...names.slice(names.indexOf(decl.name.text)), decl.name.text].join(" → ");
    ctx.report(
      "let-cycle",
      use,
      { cycle },
      { notes: [{ at: decl.name.span, text: "it begins here" }] },
    );
    return undefined;
  }
  if (checker.letsOpen.size > 100) {
    ctx.report("chain-too-long", use, { what: "lets", limit: 100 });
    return undefined;
  }
  checker.letsOpen.add(decl);
  const inner: Context = { checker, module, env: new Map(), dry: false, report: checker.report };
  const value = checker.evaluate(decl.value, wanted, inner);
  checker.letsOpen.delete(decl);
  cached.set(wanted?.type, value);
  return value;
};
