// A `recipe` declaration to its RecipeSpec: keys, rule blocks, and the rules among its own numbers.
import { InternalError } from "../diagnostics/types.ts";
import type { Body, Selector } from "../syntax/ast.ts";
import { parse } from "../syntax/parse.ts";
import { evaluateKeys } from "./body.ts";
import { withoutLayer } from "./construct.ts";
import { reportValue, silence, type Checker, type Context } from "./context.ts";
import { evaluate } from "./evaluate.ts";
import type { Flat } from "./flatten.ts";
import type { RuleBlock } from "./schema.ts";
import { selectorSpec } from "./selectors.ts";
import { note, placeOf } from "./shapes.ts";
import { isQuantity } from "./spec-values.ts";
import type { Known, Origin, Origins, RecipeSpec, RuleSpec, Variant } from "./spec.ts";
import { isWhole, showNumber, toValue, type How } from "./values.ts";

export const recipeShape = (
  checker: Checker,
): { readonly blocks: false; readonly rules: readonly string[] } => ({
  blocks: false,
  rules: (checker.vocabulary.rules["recipe"] ?? []).map((block) => block.name),
});

export interface BuiltRecipe {
  readonly known: Known<RecipeSpec>;
  /** undefined: it has mistakes, all reported, or parameters without a value. */
  readonly spec: RecipeSpec | undefined;
}

export const buildRecipe = (
  flat: Flat,
  name: string,
  origins: Map<string, Origin>,
  checker: Checker,
  words: readonly string[],
): BuiltRecipe => {
  const { def, ctx } = flat;
  const root = `recipes.${name}`;
  origins.set(root, { span: def.name.span, how: "written" });
  const blocks = checker.vocabulary.rules["recipe"] ?? [];
  const keys = checker.vocabulary.keys["recipe"] ?? [];
  const values = evaluateKeys(
    {
      name: "a recipe",
      keys,
      words: blocks.map((b) => b.name),
      path: "",
      owner: def.name.text,
      at: def.name.span,
      // what its parent leaves out too is told there
      broken: flat.broken || flat.def.extends !== undefined,
    },
    flat.keys,
    ctx,
  );
  const record: Record<string, unknown> = { name, doc: def.doc ?? null };
  const known: Record<string, unknown> = { ...record };
  for (const [key, value] of values) {
    record[key] = toValue(value, `${root}.${key}`, origins);
    if (isWhole(value)) known[key] = record[key];
  }
  let whole = [...values.values()].every(isWhole);
  for (const block of blocks) {
    const rules = evaluateRules(block, flat, record, root, origins, words, checker);
    whole &&= rules.every((rule) => rule.selector !== undefined && rule.value !== undefined);
    record[block.name] = known[block.name] = rules;
  }
  const recipe = known as Known<RecipeSpec>;
  checkMicro(recipe, root, origins, ctx);
  checkSchedule(recipe, root, origins, ctx);
  return {
    known: recipe,
    spec:
      whole && flat.open.length === 0 ? (record as Partial<RecipeSpec> as RecipeSpec) : undefined,
  };
};

/** Something that is no rule: whatever it was to be. */
const UNREAD: Known<RuleSpec> = { selector: undefined, text: undefined, value: undefined };

const evaluateRules = (
  block: RuleBlock,
  flat: Flat,
  record: Readonly<Record<string, unknown>>,
  root: string,
  origins: Map<string, Origin>,
  words: readonly string[],
  checker: Checker,
): readonly Known<RuleSpec>[] => {
  const written = flat.rules.get(block.name);
  const path = `${root}.${block.name}`;
  const { body, at, how, ctx, text } = written
    ? { ...written, text: written.ctx.module.source.text }
    : {
        ...defaultRules(block, record),
        at: flat.def.name.span,
        how: "default" as How,
        // The words of a table's defaults are the features' business, and its text has no place of its own.
        ctx: { ...flat.ctx, report: silence },
      };
  origins.set(path, { span: at, how });
  const type = { kind: "sum", name: block.of } as const;
  const rules: Known<RuleSpec>[] = [];
  for (const entry of body.entries) {
    if (entry.kind === "setting") {
      checker.report("rule-expected", entry.name.span, { block: block.name });
      rules.push(UNREAD);
      continue;
    }
    const allowed = written ? words : [...words, ...wordsIn(entry.selector)];
    const selector = selectorSpec(entry.selector, allowed, ctx);
    const value = withoutLayer(evaluate(entry.value, { type, optional: false }, ctx), ctx);
    const rule = `${path}.${rules.length}`;
    const place = { span: written ? entry.selector.span : at, how };
    origins.set(`${rule}.selector`, place);
    alternatives(entry.selector).forEach((s, i) =>
      origins.set(`${rule}.selector.${i}`, { ...place, span: written ? s.span : at }),
    );
    const made = toValue(value, `${rule}.value`, origins);
    rules.push({
      selector,
      text: text.slice(entry.selector.span.start, entry.selector.span.end),
      value: isWhole(value) ? (made as Variant) : undefined,
    });
  }
  return body.broken ? [...rules, UNREAD] : rules;
};

const alternatives = (s: Selector): readonly Selector[] => (s.kind === "or" ? s.operands : [s]);
const wordsIn = (s: Selector): readonly string[] => {
  if (s.kind === "path") return s.segments.flatMap((x) => (x.kind === "name" ? [x.name.text] : []));
  return s.kind === "not" ? wordsIn(s.operand) : s.operands.flatMap(wordsIn);
};

const defaultRules = (
  block: RuleBlock,
  record: Readonly<Record<string, unknown>>,
): { readonly body: Body; readonly text: string } => {
  const is = (key: string): unknown => (record[key] as Partial<Variant> | null | undefined)?.is;
  const rules =
    block.instead?.find((other) => is(other.key) === other.is)?.default ?? block.default;
  const text = `recipe D { ${block.name} {\n${rules}\n} }`;
  const decl = parse({ id: 0, path: "<default>", text }).ast.decls[0];
  const entry = decl?.kind === "definition" ? decl.body.entries[0] : undefined;
  if (entry?.kind !== "setting" || entry.body === undefined || entry.body.broken)
    throw new InternalError(`the default rules of ${block.name} cannot be read`);
  return { body: entry.body, text };
};

const checkMicro = (
  { batch, micro }: Known<RecipeSpec>,
  root: string,
  origins: Origins,
  ctx: Context,
): void => {
  if (batch === undefined || micro === undefined || batch.value % micro.value === 0) return;
  const fits = Array.from({ length: Math.min(batch.value, 4096) }, (_, i) => i + 1).filter(
    (n) => batch.value % n === 0,
  );
  const distance = (n: number): number => Math.abs(n - micro.value);
  const near = fits.reduce((a, b) => (distance(b) < distance(a) ? b : a), 1);
  const larger = Math.ceil(batch.value / micro.value) * micro.value;
  reportValue(
    ctx,
    "micro-batch-mismatch",
    placeOf(`${root}.micro`, origins),
    { batch: batch.value, micro: micro.value },
    {
      notes: [note(`${root}.batch`, origins, "batch is set here")],
      help: [`use micro = ${showNumber(near, "sequence")}, or a batch of ${larger}`],
    },
  );
};

/** Warm-up and decay fit into a training that is counted in steps. */
const checkSchedule = (
  { length, schedule }: Known<RecipeSpec>,
  root: string,
  origins: Origins,
  ctx: Context,
): void => {
  if (length?.unit !== "step") return;
  const parts = [schedule?.["warmup"], schedule?.["decay"]].filter(isQuantity);
  const steps = parts.reduce(
    (sum, { unit, value }) => sum + (unit === "%" ? value * length.value : value),
    0,
  );
  if (steps <= length.value || parts.every(({ unit }) => unit !== "step")) return;
  reportValue(
    ctx,
    "schedule-too-long",
    placeOf(`${root}.schedule.warmup`, origins),
    { steps: Math.round(steps), length: length.value },
    {
      notes: [note(`${root}.length`, origins, "length is set here")],
      help: ["make them shorter, or the training longer"],
    },
  );
};
