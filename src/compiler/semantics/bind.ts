// Arguments meet the parameters of a declaration: by name, else by position; what is left goes on to what it extends.
import type { Arg, Definition, Param } from "../syntax/ast.ts";
import type { Checker, Context, Module } from "./context.ts";
import { didYouMean } from "./did-you-mean.ts";
import { evaluate } from "./evaluate.ts";
import { typeOf } from "./types-of.ts";
import { restamp, type Maybe } from "./values.ts";

export interface Given {
  readonly arg: Arg;
  readonly ctx: Context;
  /** Passed on by a child that has no such parameter. */
  readonly leftover: boolean;
  /** What a declaration between gives for the same parameter. */
  readonly before?: Arg;
}

export interface Bound {
  readonly ctx: Context;
  readonly rest: readonly Given[];
  readonly open: readonly Param[];
}

export const bind = (
  def: Definition,
  module: Module,
  given: readonly Given[],
  checker: Checker,
): Bound => {
  const env = new Map<string, Maybe>();
  const base: Context = { checker, module, env, dry: false, report: checker.report };
  const rest: Given[] = [];
  const taken = new Map<Param, Given>();
  const open: Param[] = [];
  let position = 0;
  for (const g of given) {
    const { name } = g.arg;
    let param: Param | undefined;
    if (name !== undefined) param = def.params.find((p) => p.name.text === name.text);
    else if (g.leftover) param = def.params.find((p) => !taken.has(p));
    else {
      param = def.params[position];
      position += 1;
    }
    const first = param && taken.get(param);
    if (param === undefined) rest.push(g);
    else if (first !== undefined && g.leftover) rest.push({ ...g, before: first.arg });
    else if (first !== undefined)
      checker.report(
        "duplicate-argument",
        (name ?? g.arg).span,
        { name: param.name.text },
        {
          notes: [{ at: first.arg.span, text: "first given here" }],
        },
      );
    else taken.set(param, g);
  }
  const seen = new Map<string, Param>();
  for (const param of def.params) {
    const { text } = param.name;
    const before = seen.get(text);
    if (before !== undefined) {
      const notes = [{ at: before.name.span, text: "first declared here" }];
      checker.report("duplicate-parameter", param.name.span, { name: text }, { notes });
      continue;
    }
    seen.set(text, param);
    const type = typeOf(param.type, base);
    const want = type && { type, optional: isNone(param) };
    // The default is checked even when an argument replaces it.
    const fallback = param.default && evaluate(param.default, want, { ...base, env: new Map(env) });
    const override = taken.has(param) ? undefined : setFor(text, def, checker);
    const arg = taken.get(param);
    let value: Maybe;
    if (arg !== undefined) value = evaluate(arg.arg.value, want, arg.ctx);
    else if (override !== undefined) {
      override.used = true;
      const ctx = { ...base, env: new Map<string, Maybe>(), module: override.module };
      value = restamp(evaluate(override.expr, want, ctx), { how: "set" });
    } else if (param.default !== undefined) value = fallback;
    else open.push(param);
    env.set(text, type === undefined ? undefined : value);
  }
  return { ctx: base, rest, open };
};

const isNone = ({ default: d }: Param): boolean =>
  d?.kind === "reference" && d.path[0]?.text === "none" && d.path.length === 1;

const setFor = (
  param: string,
  def: Definition,
  checker: Checker,
): Checker["overrides"][number] | undefined =>
  checker.overrides.find((o) => o.key === param || o.key === `${def.name.text}.${param}`);

/** What no declaration of the chain takes. */
export const refuse = (
  rest: readonly Given[],
  known: readonly string[],
  def: Definition,
  checker: Checker,
): void => {
  for (const { arg, before } of rest) {
    const { name } = arg;
    if (name !== undefined && before !== undefined) {
      const notes = [{ at: before.span, text: "given here already, by what is extended" }];
      checker.report("duplicate-argument", name.span, { name: name.text }, { notes });
    } else if (name === undefined) {
      checker.report("too-many-arguments", arg.span, { name: def.name.text, count: known.length });
    } else {
      const args = { name: name.text, of: def.name.text };
      checker.report(
        "unknown-argument",
        name.span,
        args,
        didYouMean(name, [...new Set(known)], checker.vocabulary.otherNames),
      );
    }
  }
};
