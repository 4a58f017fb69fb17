// `extends` made flat: which text gives each key, block and rule list of a declaration, and with which parameters.
import type { Span } from "../diagnostics/types.ts";
import { isUnread } from "../syntax/ast.ts";
import type {
  Arg,
  Body,
  Definition,
  Name,
  Param,
  ReferenceExpr,
  Rule,
  Setting,
} from "../syntax/ast.ts";
import { bind, refuse, type Given } from "./bind.ts";
import { silence, type Binding, type Checker, type Context, type Module } from "./context.ts";
import { insertion } from "./construct.ts";
import { isKnownKind } from "./declarations.ts";
import { didYouMean } from "./did-you-mean.ts";
import { sampleOf } from "./samples.ts";
import { typeOf } from "./types-of.ts";
import type { How } from "./values.ts";

/** A setting with the names it sees. */
export interface Written {
  readonly setting: Setting;
  readonly ctx: Context;
  readonly how: How;
}
export interface WrittenBody {
  readonly body: Body;
  readonly ctx: Context;
  readonly how: How;
}
/** `blocks N {…}` or `blocks N = Name(args)`, and what `blocks {…}` lays over it. */
export interface Group {
  readonly count: Written;
  readonly base?: { readonly reference: ReferenceExpr; readonly ctx: Context };
  readonly layers: readonly WrittenBody[];
  /** It stands in place of inherited ones. */
  readonly replaces: boolean;
}
export interface Flat {
  readonly def: Definition;
  readonly ctx: Context;
  readonly keys: ReadonlyMap<string, Written>;
  readonly groups: readonly Group[];
  /** Rule blocks by name: "decay". */
  readonly rules: ReadonlyMap<string, WrittenBody & { readonly at: Span }>;
  /** Something could not be read: what seems to be missing may stand there. */
  readonly broken: boolean;
  /** Parameters without a value: the declaration is a template. */
  readonly open: readonly Param[];
}

/** What a kind of declaration may hold beside keys. */
export interface Shape {
  readonly blocks: boolean;
  readonly rules: readonly string[];
}

const LONGEST_CHAIN = 100;

export const flatten = (
  binding: Extract<Binding, { kind: "definition" }>,
  args: readonly Arg[],
  argsCtx: Context | undefined,
  shape: Shape,
  checker: Checker,
  /** Where a value for a parameter is due; absent: parameters may stay open. */
  use?: Span,
): Flat => {
  const given =
    argsCtx === undefined
      ? []
      : args
          .filter((arg) => !isUnread([arg]))
          .map((arg) => ({ arg, ctx: argsCtx, leftover: false }));
  const flat = extend(binding.decl, binding.module, given, [], [], shape, checker);
  if (use !== undefined && argsCtx !== undefined && flat.open.length > 0 && !isUnread(args))
    missingArguments(flat, args, use, argsCtx);
  return flat;
};

const missingArguments = (
  { def, ctx, open }: Flat,
  args: readonly Arg[],
  use: Span,
  argsCtx: Context,
): void => {
  const { checker } = ctx;
  const samples = open.map(({ name, type }) => {
    const known = typeOf(type, { ...ctx, report: silence });
    return `${name.text}: ${known === undefined ? "…" : sampleOf(known, checker.vocabulary)}`;
  });
  checker.report(
    "missing-argument",
    use,
    { name: def.name.text, missing: open.map(({ name }) => name.text).join(", ") },
    {
      notes: open.map(({ name }) => ({ at: name.span, text: "the parameter has no default" })),
      ...insertion(samples.join(", "), args, use, argsCtx.module),
    },
  );
};

const extend = (
  def: Definition,
  module: Module,
  given: readonly Given[],
  chain: readonly Definition[],
  known: readonly string[],
  shape: Shape,
  checker: Checker,
): Flat => {
  const bound = bind(def, module, given, checker);
  const names = [...known, ...def.params.map((p) => p.name.text)];
  const parentName = def.extends?.name;
  const parent = parentName && parentOf(def, module, parentName, chain, checker);
  if (parentName === undefined || parent === undefined) {
    const ctx: Context = { ...bound.ctx };
    if (parentName === undefined && !module.ast.lost) refuse(bound.rest, names, def, checker);
    return addBody(
      {
        def,
        ctx,
        keys: new Map(),
        groups: [],
        rules: new Map(),
        broken: parentName !== undefined || module.ast.lost,
        open: bound.open,
      },
      def,
      ctx,
      shape,
      checker,
    );
  }
  const upGiven = [
    ...(def.extends?.args ?? [])
      .filter((arg) => !isUnread([arg]))
      .map((arg) => ({ arg, ctx: bound.ctx, leftover: false })),
    ...bound.rest.map((rest) => ({ ...rest, leftover: true })),
  ];
  const up = extend(parent.decl, parent.module, upGiven, [...chain, def], names, shape, checker);
  const ctx: Context = { ...bound.ctx, env: new Map([...up.ctx.env, ...bound.ctx.env]) };
  const inherited: Flat = {
    def,
    ctx,
    keys: new Map([...up.keys].map(([key, w]) => [key, { ...w, how: "inherited" as const }])),
    groups: up.groups.map((g) => ({
      ...g,
      layers: g.layers.map((b) => ({ ...b, how: "inherited" as const })),
    })),
    rules: new Map([...up.rules].map(([key, w]) => [key, { ...w, how: "inherited" as const }])),
    broken: up.broken,
    open: [...bound.open, ...up.open],
  };
  return addBody(inherited, def, ctx, shape, checker);
};

const parentOf = (
  def: Definition,
  module: Module,
  name: Name,
  chain: readonly Definition[],
  checker: Checker,
): Extract<Binding, { kind: "definition" }> | undefined => {
  const found = declaration(name, def.word.text, module, checker);
  if (found === undefined) return undefined;
  const all = [...chain, def];
  const start = all.indexOf(found.decl);
  if (start >= 0) {
    // Told once, by the member that is checked first.
    const circle = all.slice(start);
    const told = circle.some((d) => checker.circles.has(d));
    const cycle = [...circle, found.decl].map((d) => d.name.text).join(" → ");
    if (!told)
      checker.report("extends-cycle", found.decl.extends?.name.span ?? name.span, { cycle });
    for (const d of circle) checker.circles.add(d);
    return undefined;
  }
  if (all.length > LONGEST_CHAIN) {
    checker.report("chain-too-long", name.span, { what: "extends", limit: LONGEST_CHAIN });
    return undefined;
  }
  return found;
};

/** The declaration of this kind that a name stands for. */
export const declaration = (
  name: Name,
  kind: string,
  module: Module,
  checker: Checker,
): Extract<Binding, { kind: "definition" }> | undefined => {
  const binding = module.names.get(name.text);
  if (name.text === "" || binding?.kind === "broken") return undefined;
  if (binding?.kind === "definition" && binding.decl.word.text === kind) return binding;
  if (binding === undefined) {
    if (module.ast.lost) return undefined;
    const around = (d: Definition): boolean =>
      d.span.start <= name.span.start && name.span.end <= d.span.end;
    const candidates = [...module.names].flatMap(([text, b]) =>
      b.kind === "definition" &&
      b.decl.word.text === kind &&
      !(b.module === module && around(b.decl))
        ? [text]
        : [],
    );
    checker.report(
      "unknown-declaration",
      name.span,
      { kind, name: name.text },
      candidates.length > 0
        ? didYouMean(name, candidates, checker.vocabulary.otherNames)
        : {
            help: [
              `declare it, or take it from the file that exports it: import { ${name.text} } from "./file.arch"`,
            ],
          },
    );
  } else {
    const found = binding.kind === "let" ? "let" : binding.decl.word.text;
    if (!isKnownKind(found)) return undefined; // said there
    const notes = [{ at: binding.decl.name.span, text: "declared here" }];
    checker.report("wrong-declaration", name.span, { kind, name: name.text, found }, { notes });
  }
  return undefined;
};

const addBody = (
  inherited: Flat,
  def: Definition,
  ctx: Context,
  shape: Shape,
  checker: Checker,
): Flat => {
  const keys = new Map(inherited.keys);
  const rules = new Map(inherited.rules);
  let { groups, broken } = inherited;
  let ownGroups = false;
  const seen = new Map<string, Span>();
  for (const entry of def.body.entries) {
    if (entry.kind === "rule") {
      refuseRule(entry, `a ${def.word.text}`, checker);
      continue;
    }
    const { name } = entry;
    const written: Written = { setting: entry, ctx, how: "written" };
    if (shape.blocks && name.text === "blocks") {
      broken ||= groups.length === 0 && entry.header === undefined; // said there; no blocks are missing besides
      groups = addGroup(groups, ownGroups, written, inherited.broken, checker);
      ownGroups ||= entry.header !== undefined;
      continue;
    }
    if (isRepeated(name, seen, checker)) continue;
    if (shape.rules.includes(name.text)) {
      if (entry.form === "block" && entry.body !== undefined)
        rules.set(name.text, { body: entry.body, ctx, how: "written", at: name.span });
      else if (entry.value?.kind !== "error")
        checker.report("block-expected", name.span, { key: name.text, form: "selector => value" });
      continue;
    }
    keys.set(name.text, written);
  }
  return { ...inherited, keys, rules, groups, broken: broken || def.body.broken };
};

/** Said once: of a rule without a value something else was meant, and told. */
export const refuseRule = ({ selector, value }: Rule, place: string, checker: Checker): void => {
  if (value.kind !== "error") checker.report("rule-not-here", selector.span, { place });
};

export const isRepeated = (name: Name, seen: Map<string, Span>, checker: Checker): boolean => {
  const first = seen.get(name.text);
  if (first === undefined) {
    seen.set(name.text, name.span);
    return false;
  }
  const notes = [{ at: first, text: "first set here" }];
  checker.report("duplicate-key", name.span, { key: name.text }, { notes });
  return true;
};

/** `blocks {…}` changes every group, the first `blocks N` of a declaration replaces the inherited ones, others are added. */
const addGroup = (
  groups: readonly Group[],
  own: boolean,
  written: Written,
  broken: boolean,
  checker: Checker,
): readonly Group[] => {
  const { setting, ctx, how } = written;
  const layer = setting.body && { body: setting.body, ctx, how };
  if (setting.header === undefined) {
    if (setting.form !== "block" || layer === undefined) {
      if (setting.value?.kind !== "error")
        checker.report("blocks-count-missing", setting.name.span);
      return groups;
    }
    if (groups.length === 0 && !broken) {
      const help = ["a stack of its own is told how many blocks it has: `blocks 4 { … }`"];
      checker.report("no-blocks-to-change", setting.name.span, {}, { help });
    }
    return groups.map((g) => ({ ...g, layers: [...g.layers, layer] }));
  }
  const before = own ? groups : [];
  const replaces = own ? groups.some((group) => group.replaces) : groups.length > 0;
  if (setting.form === "block")
    return [...before, { count: written, layers: layer ? [layer] : [], replaces }];
  const value = setting.value;
  if (setting.form === "assign" && value?.kind === "reference")
    return [...before, { count: written, base: { reference: value, ctx }, layers: [], replaces }];
  if (value === undefined || value.kind !== "error")
    checker.report("block-name-expected", (value ?? setting.name).span);
  return [
    ...before,
    {
      count: written,
      layers: [{ body: { entries: [], broken: true, span: setting.span }, ctx, how }],
      replaces,
    },
  ];
};
