// What to say of a name that is none: the nearest one that would do, or what it is elsewhere.
import { suggestion } from "../diagnostics/fix.ts";
import type { Details } from "../diagnostics/types.ts";
import type { Name, ReferenceExpr } from "../syntax/ast.ts";
import { silence, type Context, type Want } from "./context.ts";
import { didYouMean } from "./did-you-mean.ts";
import { functions, hasConstructor } from "./functions.ts";
import type { Constructor, Type } from "./schema.ts";
import { typeOf } from "./types-of.ts";
import { orList, showType, withArticle, type Val } from "./values.ts";

/** Reports the name that an expression begins with, or nothing where the text around it was lost and may have declared it. */
export const reportUnknown = (
  expr: ReferenceExpr,
  name: Name,
  want: Want | undefined,
  ctx: Context,
): void => {
  const { text, span } = name;
  const called = expr.args !== undefined;
  if ((text === "l" || text === "L") && ctx.layer === undefined)
    ctx.report("layer-outside-blocks", span, { name: text });
  else if (want?.type.kind === "sum") noVariant(expr, name, want.type.name, want, ctx);
  else if (want?.type.kind === "word") noWord(name, want.type.words, ctx);
  else noValue(name, want, ctx, called);
};

/** A bare word is due. */
const noWord = (
  name: Name,
  words: Extract<Type, { kind: "word" }>["words"],
  ctx: Context,
): void => {
  const { text, span } = name;
  const known = words.map((word) => word.name);
  if (known.includes(text))
    ctx.report("not-callable", span, { name: text }, { help: [`write \`${text}\``] });
  else {
    const help = didYouMean(name, known, ctx.checker.vocabulary.otherNames);
    ctx.report("unknown-constructor", span, { name: text, type: "a word known here" }, help);
  }
};

/** A constructor of a sum type is due. */
const noVariant = (
  expr: ReferenceExpr,
  name: Name,
  sum: string,
  want: Want,
  ctx: Context,
): void => {
  const { constructors, otherNames } = ctx.checker.vocabulary;
  const called = expr.args !== undefined;
  const elsewhere = constructors.find((c) => c.name === name.text);
  if (ctx.module.ast.lost && !called && elsewhere === undefined) return;
  const known = constructors.filter((c) => c.of === sum).map((c) => c.name);
  const all = `${sum} is ${orList(known)}`;
  const near = didYouMean(name, called ? known : [...known, ...inSight(want, ctx)], otherNames);
  const others = known.length > 1 && known.length <= FEW ? [all] : [];
  ctx.report(
    "unknown-constructor",
    name.span,
    { name: name.text, type: withArticle(sum) },
    elsewhere !== undefined
      ? inside(expr, sum, elsewhere, `${name.text} is ${withArticle(elsewhere.of)}; ${all}`, ctx)
      : near.fixes === undefined
        ? { help: [all] }
        : { ...near, help: [...near.help, ...others] },
  );
};

/** `rmsnorm()` where `pre(rmsnorm())` is due: the first form that holds it and needs nothing else. */
const inside = (
  { span }: ReferenceExpr,
  sum: string,
  { of }: Constructor,
  help: string,
  { checker, module: { source } }: Context,
): Details => {
  const holder = checker.vocabulary.constructors.find(({ of: made, keys: [first, ...others] }) => {
    const holds = first?.type.kind === "sum" && first.type.name === of;
    return made === sum && holds && others.every((key) => key.default !== undefined);
  });
  if (holder === undefined || source.id !== span.file) return { help: [help] };
  const { name } = holder;
  const newText = `${name}(${source.text.slice(span.start, span.end)})`;
  return {
    help: [help, `put it inside: \`${newText.includes("\n") ? `${name}(…)` : newText}\``],
    ...suggestion(`Put it inside of ${name}(…)`, span, newText),
  };
};

/** A number, a text or a truth value is due, or anything. */
const noValue = (name: Name, want: Want | undefined, ctx: Context, called: boolean): void => {
  const { vocabulary } = ctx.checker;
  const { text, span } = name;
  const type = want?.type;
  const say = (details: Details): void => ctx.report("unknown-name", span, { name: text }, details);
  const truth =
    type === undefined || type.kind === "bool" ? TRUTHS.get(text.toLowerCase()) : undefined;
  if (truth !== undefined) {
    say({ help: [`write \`${truth}\``], ...suggestion(`Write ${truth}`, span, truth) });
    return;
  }
  if (called) {
    const elsewhere = vocabulary.constructors.find((c) => c.name === text);
    if (elsewhere !== undefined && type !== undefined) {
      const found = `${text}(…), ${withArticle(elsewhere.of)}`;
      ctx.report("wrong-type", span, { wanted: showType(type), found });
    } else say(didYouMean(name, functions));
    return;
  }
  if (type?.kind === "string" || isListOf(type, "string")) {
    say({ help: [unquoted(text)], ...suggestion("Put it in quotes", span, `"${text}"`) });
    return;
  }
  if (ctx.module.ast.lost) return;
  const isKey = Object.values(vocabulary.keys).some((keys) => keys.some((k) => k.name === text));
  if (isKey)
    say({
      help: [
        `${text} is a key, and keys are no values: give the value a name with \`let\`, or make it a parameter, \`model M(width: int = 64)\``,
      ],
    });
  else {
    const near = didYouMean(name, [...inSight(want, ctx), ...(ctx.layer ? ["l", "L"] : [])]);
    const due = want?.doc === undefined ? [] : [want.doc];
    say(near.help.length > 0 ? near : { help: due });
  }
};

const isListOf = (type: Type | undefined, kind: Type["kind"]): boolean =>
  type?.kind === "list" && type.of.kind === kind;
export const unquoted = (text: string): string => `a text stands in double quotes: "${text}"`;

/** So many choices are all told beside the nearest one. */
const FEW = 4;

/** As other languages spell them. */
const TRUTHS: ReadonlyMap<string, string> = new Map([
  ...["true", "yes", "on"].map((word) => [word, "true"] as const),
  ...["false", "no", "off"].map((word) => [word, "false"] as const),
]);

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
