// Constructor calls and keyed values: arguments matched to keys, defaults filled, the table's own rule asked.
import { suggestion } from "../diagnostics/fix.ts";
import { InternalError, type Details, type Span } from "../diagnostics/types.ts";
import { isUnread, operandsOf, type Arg, type Expr } from "../syntax/ast.ts";
import { parse } from "../syntax/parse.ts";
import {
  isError,
  reportTo,
  type Checker,
  type Context,
  type Module,
  type Want,
} from "./context.ts";
import { didYouMean } from "./did-you-mean.ts";
import { calledElsewhere } from "./other-names.ts";
import { argumentsOf } from "./samples.ts";
import type { Complaint } from "../diagnostics/entry.ts";
import type { Constructor, Key } from "./schema.ts";
import type { Origin, Variant } from "./spec.ts";
import {
  asDefault,
  isWhole,
  orList,
  pendingIn,
  restamp,
  toValue,
  val,
  type Maybe,
  type Val,
} from "./values.ts";

export const construct = (
  ctor: Constructor,
  args: readonly Arg[],
  span: Span,
  ctx: Context,
): Maybe => {
  const given = matchArgs(ctor, args, ctx);
  const keys = new Map<string, Maybe>();
  const missing = ctor.keys.filter((key) => !given.has(key.name) && key.default === undefined);
  if (missing.length > 0 && given.complete)
    ctx.report(
      "missing-argument",
      span,
      {
        name: ctor.name,
        missing: missing.map((key) => key.name).join(", "),
      },
      {
        help: missing.map((key) => `${key.name}: ${key.doc}`),
        ...insertion(argumentsOf(missing, ctx.checker.vocabulary), args, span, ctx.module),
      },
    );
  for (const key of ctor.keys) {
    const arg = given.get(key.name);
    // a misnamed argument may be this one: what would follow from the default is not said
    const absent = given.complete ? defaultOf(key, span, ctx, keys) : undefined;
    keys.set(key.name, arg === undefined ? absent : keyValue(key, arg.value, ctx, keys));
  }
  const made: Val = { raw: { k: "variant", ctor, keys }, at: span, from: span, how: "written" };
  return complain(made, ctx) ? undefined : made;
};

/** The fix that adds `added` behind what is given, with the parentheses where there are none. */
export const insertion = (
  added: string,
  args: readonly Arg[],
  span: Span,
  { source }: Module,
): Pick<Details, "fixes"> => {
  const closed = source.id === span.file && source.text[span.end - 1] === ")";
  const last = args.at(-1);
  const at = last?.span.end ?? (closed ? span.end - 1 : span.end);
  const newText = last !== undefined ? `, ${added}` : closed ? added : `(${added})`;
  return suggestion(`Insert \`${added}\``, { file: span.file, start: at, end: at }, newText);
};

interface Matched {
  readonly has: (key: string) => boolean;
  readonly get: (key: string) => Arg | undefined;
  /** No argument was misnamed: what is missing is missing. */
  readonly complete: boolean;
}

/** What does take an argument of this name: other forms of the same, or rules. */
const takenBy = (
  name: string,
  { of }: Constructor,
  { vocabulary }: Checker,
): string | undefined => {
  const same = vocabulary.constructors.filter((other) => other.of === of);
  const words = same.flatMap((other) => other.keys.map((key) => key.name));
  const word = calledElsewhere(name, words, vocabulary.otherNames) ?? name;
  const others = same.filter((other) => other.keys.some((key) => key.name === word));
  if (others.length > 0)
    return `${word} is an argument of ${orList(others.map((other) => other.name))}`;
  const rules = Object.values(vocabulary.rules).flatMap((blocks) =>
    blocks.map((block) => block.name),
  );
  const block =
    calledElsewhere(name, rules, vocabulary.otherNames) ?? rules.find((rule) => rule === name);
  return block && `it is given by rules: ${block} { selector => value }`;
};

const matchArgs = (ctor: Constructor, args: readonly Arg[], ctx: Context): Matched => {
  const given = new Map<string, Arg>();
  const written = new Set(args.flatMap(({ name }) => (name === undefined ? [] : [name.text])));
  let complete = !isUnread(args);
  let namedBefore = false;
  args.forEach((arg, i) => {
    const { name } = arg;
    if (name === undefined) {
      if (arg.value.kind === "error") return;
      const key = ctor.keys[i];
      if (namedBefore) {
        ctx.report(
          "positional-after-named",
          arg.span,
          {},
          {
            help: [`put it first, or name it: ${ctor.keys.map((k) => `${k.name}:`).join(", ")}`],
          },
        );
        complete = false;
      } else if (key === undefined) {
        const count = ctor.keys.length;
        ctx.report("too-many-arguments", arg.span, { name: ctor.name, count });
      } else given.set(key.name, arg);
      return;
    }
    namedBefore = true;
    if (!ctor.keys.some((key) => key.name === name.text)) {
      complete = false;
      const free = ctor.keys.filter((key) => !given.has(key.name) && !written.has(key.name));
      const known = free.map((key) => key.name);
      const other =
        calledElsewhere(name.text, known, ctx.checker.vocabulary.otherNames) === undefined
          ? takenBy(name.text, ctor, ctx.checker)
          : undefined;
      const near = didYouMean(name, known, ctx.checker.vocabulary.otherNames);
      ctx.report(
        "unknown-argument",
        name.span,
        { name: name.text, of: ctor.name },
        other === undefined ? near : { help: [other] },
      );
      return;
    }
    const first = given.get(name.text);
    if (first !== undefined) {
      const notes = [{ at: first.span, text: "first given here" }];
      ctx.report("duplicate-argument", name.span, { name: name.text }, { notes });
      return;
    }
    given.set(name.text, arg);
  });
  return { has: (key) => given.has(key), get: (key) => given.get(key), complete };
};

/** A written value of a key; `default` restores the table's. */
export const keyValue = (
  key: Key,
  expr: Expr,
  ctx: Context,
  earlier: ReadonlyMap<string, Maybe>,
): Maybe => {
  if (isBareWord(expr, "default") && !ctx.env.has("default") && !ctx.module.names.has("default")) {
    if (key.default !== undefined) return defaultOf(key, expr.span, ctx, earlier);
    ctx.report(
      "default-not-here",
      expr.span,
      { key: key.name },
      { help: [`${key.name}: ${key.doc}`] },
    );
    return undefined;
  }
  return ctx.checker.evaluate(expr, wanted(key), ctx);
};

const wanted = ({ name, type, optional, doc }: Key): Want => ({
  type,
  optional: optional === true,
  doc: `${name}: ${doc}`,
});

const isBareWord = (expr: Expr, word: string): boolean =>
  expr.kind === "reference" &&
  expr.args === undefined &&
  expr.path.length === 1 &&
  expr.path[0]?.text === word;

/** A table's default, checked like user text; it may name earlier keys of its place. Missing: poison, said by the caller. */
export const defaultOf = (
  key: Key,
  at: Span,
  ctx: Context,
  earlier: ReadonlyMap<string, Maybe>,
): Maybe => {
  if (key.default === undefined) return undefined;
  const expr = defaultExpr(key.default, ctx.checker);
  if (ctx.layer === undefined && waitsForLayer(expr, earlier))
    return asDefault(val({ k: "pending", key }, at), at);
  const inner: Context = {
    ...ctx,
    env: new Map(),
    module: { ...ctx.module, names: new Map() },
    keys: earlier,
    // A default that does not fit its own key: the fault is in what it was derived from, or in the table.
    report: reportTo((found) => ctx.report.raise({ ...found, at, details: {} })),
  };
  return asDefault(ctx.checker.evaluate(expr, wanted(key), inner), at);
};

const defaultExpr = (text: string, checker: Checker): Expr => {
  const known = checker.defaults.get(text);
  if (known !== undefined) return known;
  const { ast, diagnostics } = parse({ id: 0, path: "<default>", text: `let value = ${text}` });
  const decl = ast.decls[0];
  if (decl?.kind !== "let" || diagnostics.length > 0)
    throw new InternalError(`the default ${text} of a key cannot be read`);
  checker.defaults.set(text, decl.value);
  return decl.value;
};

/** It names the layer, or a key that waits for it. */
const waitsForLayer = (expr: Expr, earlier: ReadonlyMap<string, Maybe>): boolean => {
  const waits = (one: Expr): boolean => waitsForLayer(one, earlier);
  switch (expr.kind) {
    case "reference": {
      const name = expr.path[0]?.text ?? "";
      if (name === "l" || name === "L" || pendingIn(earlier.get(name)) !== undefined) return true;
      return (expr.args ?? []).some(({ value }) => waits(value));
    }
    case "list":
      return expr.items.some(waits);
    case "group":
      return waits(expr.inner);
    case "unary":
      return waits(expr.operand);
    case "binary":
      return operandsOf(expr).some(waits);
    case "range":
      return waits(expr.from) || waits(expr.to);
    case "if":
      return waits(expr.test) || waits(expr.then) || waits(expr.else);
    default:
      return false;
  }
};

/** A value from outside of blocks as it is in this layer: what waited for the layer is filled, and its rules are asked. */
export const settled = (value: Maybe, ctx: Context): Maybe => {
  if (ctx.layer === undefined || value === undefined || pendingIn(value) === undefined)
    return value;
  if (value.raw.k === "list")
    return {
      ...value,
      raw: { k: "list", items: value.raw.items.map((item) => settled(item, ctx)) },
    };
  if (value.raw.k !== "variant") return value;
  const keys = new Map<string, Maybe>();
  for (const [name, held] of value.raw.keys)
    keys.set(
      name,
      held?.raw.k === "pending" ? defaultOf(held.raw.key, held.at, ctx, keys) : settled(held, ctx),
    );
  const made: Val = { ...value, raw: { ...value.raw, keys } };
  return complain(made, ctx) ? undefined : made;
};

/** Where no layer is to come, a default that waits for one is a mistake. */
export const withoutLayer = (value: Maybe, ctx: Context): Maybe => {
  const waits = ctx.layer === undefined ? pendingIn(value) : undefined;
  if (waits === undefined) return value;
  const { name, default: fallback } = waits.raw.key;
  ctx.report(
    "layer-outside-blocks",
    waits.at,
    { name: "L" },
    { help: [`give ${name} a value: its default is ${fallback ?? "none"}`] },
  );
  return undefined;
};

/** Asks the rules that a constructor's table states about its own value; true: by them it is wrong, so nothing is built of it. */
const complain = (made: Val, ctx: Context): boolean => {
  if (made.raw.k !== "variant" || made.raw.ctor.check === undefined || ctx.dry || !isWhole(made))
    return false;
  const origins = new Map<string, Origin>();
  const value = toValue(made, "", origins) as Variant;
  const complaints = made.raw.ctor.check(value);
  for (const complaint of complaints) raise(complaint, "", made.at, origins, ctx);
  return complaints.some(({ name }) => isError(name, ctx.checker));
};

/** A table's complaint, at the value it names or the nearest one around it. */
export const raise = (
  complaint: Complaint,
  root: string,
  fallback: Span,
  origins: ReadonlyMap<string, Origin>,
  ctx: Context,
): void => {
  const { name, args, details } = complaint;
  const parts = complaint.at === undefined ? [] : complaint.at.split(".");
  let found: Origin | undefined;
  for (let n = parts.length; n > 0 && found === undefined; n -= 1)
    found = origins.get([root, ...parts.slice(0, n)].join("."));
  const from = found?.from;
  const notes = [
    ...(details?.notes ?? []),
    ...(from ? [{ at: from, text: "the value is given here" }] : []),
  ];
  if (!ctx.dry)
    ctx.report.raise({ name, at: found?.span ?? fallback, args, details: { ...details, notes } });
};

/** `--set optimizer.lr=1e-4`: replaces a key inside a finished value. */
export const overridden = (
  value: Maybe,
  key: Key,
  path: string,
  owner: string,
  ctx: Context,
): Maybe => {
  let result = value;
  for (const override of ctx.checker.overrides) {
    const rest = below(override.key, path, owner);
    if (rest === undefined) continue;
    const inner: Context = { ...ctx, module: override.module };
    if (rest === "") {
      override.used = true;
      result = restamp(keyValue(key, override.expr, inner, new Map()), { how: "set" });
    } else result = replaceIn(result, rest.split("."), override, inner);
  }
  return result;
};

const below = (key: string, path: string, owner: string): string | undefined => {
  for (const full of [path, `${owner}.${path}`]) {
    if (key === full) return "";
    if (key.startsWith(`${full}.`)) return key.slice(full.length + 1);
  }
  return undefined;
};

const replaceIn = (
  value: Maybe,
  path: readonly string[],
  override: Checker["overrides"][number],
  ctx: Context,
): Maybe => {
  const [head, ...rest] = path;
  if (value?.raw.k !== "variant" || head === undefined) return value;
  const { ctor, keys } = value.raw;
  const key = ctor.keys.find((k) => k.name === head);
  if (key === undefined) return value;
  let inner: Maybe;
  if (rest.length === 0) {
    override.used = true;
    inner = restamp(keyValue(key, override.expr, ctx, keys), { how: "set" });
  } else inner = replaceIn(keys.get(head), rest, override, ctx);
  const made: Val = {
    ...value,
    raw: { k: "variant", ctor, keys: new Map([...keys, [head, inner]]) },
  };
  return complain(made, ctx) ? undefined : made;
};
