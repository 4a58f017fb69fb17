// Names in values: layer index, parameter, declaration or let, variant of the expected type, in that order; and what to say
// when it is none of them.
import { suggestion } from "../diagnostics/fix.ts";
import type { Details, Span } from "../diagnostics/types.ts";
import type { Expr, Name, ReferenceExpr } from "../syntax/ast.ts";
import { construct, settled } from "./construct.ts";
import { silence, type Binding, type Context, type Want } from "./context.ts";
import { didYouMean } from "./did-you-mean.ts";
import { call, functions } from "./functions.ts";
import type { Constructor, Type } from "./schema.ts";
import { typeOf } from "./types-of.ts";
import { moved, orList, showType, val, withArticle, type Maybe, type Val } from "./values.ts";

export const reference = (expr: ReferenceExpr, want: Want | undefined, ctx: Context): Maybe => {
  const first = expr.path[0];
  if (first === undefined) return undefined;
  if (expr.path.length > 1) {
    ctx.report("dotted-name", expr.span, { name: expr.path.map((n) => n.text).join(".") });
    return undefined;
  }
  const variants = variantsFor(first.text, want, ctx);
  if (expr.args !== undefined) {
    if (functions.includes(first.text)) return call(first, expr, ctx);
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
    return unknown(first, want, ctx, true);
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
  return unknown(first, want, ctx, false);
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

const hasConstructor = (expr: Expr): boolean => {
  switch (expr.kind) {
    case "reference":
      return !(expr.args !== undefined && functions.includes(expr.path[0]?.text ?? ""));
    case "list":
      return expr.items.some(hasConstructor);
    case "group":
      return hasConstructor(expr.inner);
    case "if":
      return hasConstructor(expr.then) || hasConstructor(expr.else);
    default:
      return false;
  }
};

const unknown = (name: Name, want: Want | undefined, ctx: Context, called: boolean): Maybe => {
  const { vocabulary } = ctx.checker;
  const type = want?.type;
  if ((name.text === "l" || name.text === "L") && ctx.layer === undefined) {
    ctx.report("layer-outside-blocks", name.span, { name: name.text });
    return undefined;
  }
  const scope = inSight(want, ctx);
  if (type?.kind === "sum") {
    if (
      ctx.module.ast.lost &&
      !called &&
      !vocabulary.constructors.some((c) => c.name === name.text)
    )
      return undefined;
    const known = vocabulary.constructors.filter((c) => c.of === type.name).map((c) => c.name);
    const candidates = called ? known : [...known, ...scope];
    const all = `${type.name} is ${orList(known)}`;
    const near = didYouMean(name, candidates);
    const elsewhere = vocabulary.constructors.find((c) => c.name === name.text);
    const others = known.length > 1 && known.length <= FEW ? [all] : [];
    ctx.report(
      "unknown-constructor",
      name.span,
      { name: name.text, type: withArticle(type.name) },
      elsewhere !== undefined
        ? { help: [`${name.text} is ${withArticle(elsewhere.of)}; ${all}`] }
        : near.fixes === undefined
          ? { help: [all] }
          : { ...near, help: [...near.help, ...others] },
    );
    return undefined;
  }
  if (type?.kind === "word") {
    const words = type.words.map((w) => w.name);
    const help = didYouMean(name, words);
    ctx.report(
      "unknown-constructor",
      name.span,
      { name: name.text, type: "a word known here" },
      help,
    );
    return undefined;
  }
  const truth =
    type?.kind === "bool" || type === undefined ? TRUTHS.get(name.text.toLowerCase()) : undefined;
  if (truth !== undefined) {
    ctx.report("unknown-name", name.span, { name: name.text }, asWritten(name, truth));
    return undefined;
  }
  const constructor = called && vocabulary.constructors.find((c) => c.name === name.text);
  if (constructor && type !== undefined) {
    const found = `${name.text}(…), ${withArticle(constructor.of)}`;
    ctx.report("wrong-type", name.span, { wanted: showType(type), found });
    return undefined;
  }
  if (ctx.module.ast.lost && !called) return undefined;
  if (
    !called &&
    Object.values(vocabulary.keys).some((keys) => keys.some((k) => k.name === name.text))
  ) {
    const help = [
      `${name.text} is a key, and keys are no values: give the value a name with \`let\`, or make it a parameter, \`model M(width: int = 64)\``,
    ];
    ctx.report("unknown-name", name.span, { name: name.text }, { help });
    return undefined;
  }
  const candidates = called ? functions : [...scope, ...(ctx.layer ? ["l", "L"] : [])];
  ctx.report("unknown-name", name.span, { name: name.text }, didYouMean(name, candidates));
  return undefined;
};

/** So many choices are all told beside the nearest one. */
const FEW = 4;

/** As other languages spell them. */
const TRUTHS: ReadonlyMap<string, string> = new Map([
  ...["true", "yes", "on"].map((word) => [word, "true"] as const),
  ...["false", "no", "off"].map((word) => [word, "false"] as const),
]);
const asWritten = (name: Name, text: string): Details => ({
  help: [`write \`${text}\``],
  ...suggestion(`Write ${text}`, name.span, text),
});

/** Parameters and `let`s whose values could stand here. */
const inSight = (want: Want | undefined, ctx: Context): readonly string[] => {
  const params = [...ctx.env].filter(([, value]) => value === undefined || isOf(value, want?.type));
  const lets = [...ctx.module.names].filter(([, binding]) => {
    if (binding.kind !== "let") return binding.kind === "broken";
    const { type, value } = binding.decl;
    if (type === undefined) return hasConstructor(value) === (want?.type.kind === "sum");
    const known = typeOf(type, { ...ctx, report: silence });
    return known === undefined || want === undefined || alike(known, want.type);
  });
  return [...params, ...lets].map(([name]) => name);
};

const numeric = (kind: Type["kind"]): boolean =>
  kind === "int" || kind === "float" || kind === "quantity";
const alike = (a: Type, b: Type): boolean =>
  a.kind === "sum" && b.kind === "sum"
    ? a.name === b.name
    : a.kind === b.kind || (numeric(a.kind) && numeric(b.kind));
const isOf = ({ raw }: Val, type: Type | undefined): boolean => {
  switch (raw.k) {
    case "variant":
      return type?.kind === "sum" && type.name === raw.ctor.of;
    case "number":
    case "quantity":
      return type === undefined || numeric(type.kind);
    case "string":
    case "word":
      return type === undefined || type.kind === "string" || type.kind === "word";
    case "bool":
    case "list":
    case "range":
      return type === undefined || type.kind === raw.k;
    default:
      return true;
  }
};
