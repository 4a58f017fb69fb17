// A `model` declaration to its ModelSpec: keys, blocks counted and evaluated layer by layer, then the shape checks.
import type { Span } from "../diagnostics/types.ts";
import type { Expr, Setting } from "../syntax/ast.ts";
import { evaluateKeys, type Place } from "./body.ts";
import { keyValue, overridden, raise } from "./construct.ts";
import {
  isError,
  reportTo,
  silence,
  unknownLayer,
  type Checker,
  type Context,
  type LayerIndex,
} from "./context.ts";
import { evaluate } from "./evaluate.ts";
import {
  declaration,
  flatten,
  isRepeated,
  refuseRule,
  type Flat,
  type Group,
  type Written,
} from "./flatten.ts";
import { checkPositions } from "./positions.ts";
import { checkImageShapes } from "./image-shapes.ts";
import { decoderKind, imageKind, modelKinds, type ModelKind } from "./kinds.ts";
import { checkShapes } from "./shapes.ts";
import type { BlockSpec, Known, KnownModel, ModelSpec, Origin, Value, Variant } from "./spec.ts";
import { isWhole, toValue, type Maybe } from "./values.ts";

export const MODEL = { blocks: true, rules: [] };
export const BLOCK = { blocks: false, rules: [] };
export const MOST_LAYERS = 1000;

export interface BuiltModel {
  /** undefined: not even what it reads is known. */
  readonly known: KnownModel | undefined;
  /** undefined: it has mistakes, all reported, or parameters without a value. */
  readonly spec: ModelSpec | undefined;
}

export const buildModel = (
  flat: Flat,
  name: string,
  origins: Map<string, Origin>,
  checker: Checker,
): BuiltModel => {
  const { def, ctx } = flat;
  const root = `models.${name}`;
  origins.set(root, { span: def.name.span, how: "written" });
  const said = kindOf(flat, checker);
  const sure = said !== undefined;
  const kind = said ?? likeliest(flat, "model", checker);
  const values = evaluateKeys(
    {
      name: "a model",
      keys: checker.vocabulary.keys[kind.model] ?? [],
      elsewhere: elsewhere(kind, "model", checker),
      words: ["blocks"],
      path: "",
      owner: def.name.text,
      at: def.name.span,
      broken: flat.broken || !sure || isToldAbove(flat),
    },
    flat.keys,
    ctx,
  );
  // that a decoder reads tokens is what its kind says already
  const told = [...values].filter(([key]) => kind !== decoderKind || key !== "input");
  const head = { name, doc: def.doc ?? null, kind: kind.kind };
  const record: Record<string, Value | undefined> = { ...head };
  for (const [key, value] of told) record[key] = toValue(value, `${root}.${key}`, origins);
  const { layers, counted } = evaluateBlocks(flat, root, { kind, sure }, origins, checker);
  const blocks = layers.map(({ block }) => block);
  let contradicts = false;
  const watched: Context = {
    ...ctx,
    report: reportTo((found) => {
      contradicts ||= isError(found.name, checker);
      ctx.report.raise(found);
    }),
  };
  if (kind === imageKind) checkImageShapes(record, blocks, root, origins, watched);
  else {
    checkShapes(record, blocks, root, origins, watched);
    checkPositions(record, blocks, root, origins, watched);
  }
  const sound = layers.map(({ known }) => known);
  if (kind === decoderKind)
    layers.forEach(({ known, at }, i) => {
      for (const rule of checker.vocabulary.blockChecks)
        for (const complaint of rule(known, sound))
          raise(complaint, `${root}.blocks.${i}`, at, origins, watched);
    });
  const known: Record<string, unknown> = { ...head };
  for (const [key, value] of told) if (isWhole(value)) known[key] = record[key];
  const partly = sure ? (inOrder(known, counted ? sound : undefined) as KnownModel) : undefined;
  if (partly !== undefined)
    for (const rule of checker.vocabulary.modelChecks)
      for (const complaint of rule(partly)) raise(complaint, root, def.name.span, origins, watched);
  const whole =
    [...values.values()].every(isWhole) && layers.length > 0 && layers.every((l) => l.whole);
  if (!whole || flat.open.length > 0) return { known: partly, spec: undefined };
  // Every key of the tables is filled and typed by now; the contract type names the ones of the base.
  const spec = inOrder(record, blocks) as ModelSpec;
  if (contradicts) checker.contradictory.add(spec);
  return { known: spec, spec };
};

/** What a model leaves out that its parent leaves out too is told there, unless the parent reads something else. */
const isToldAbove = ({ def, keys }: Flat): boolean =>
  def.extends !== undefined && keys.get("input")?.how !== "written";

/** What `input` says that the model reads, by its constructor's name; undefined where that is not to be told. */
const kindOf = (flat: Flat, { vocabulary }: Checker): ModelKind | undefined => {
  const { ctx, def } = flat;
  const named = (is: string | undefined): ModelKind | undefined =>
    modelKinds.find(({ input }) => input === is);
  const written = flat.keys.get("input");
  const expr = written?.setting.value;
  const literal = expr?.kind === "reference" ? named(expr.path[0]?.text) : undefined;
  const key = vocabulary.keys[decoderKind.model]?.find(({ name }) => name === "input");
  if (key === undefined) return literal ?? decoderKind;
  // a name, a condition, `--set`; complaints come when the keys are evaluated
  const silent = (own: Context): Context => ({ ...own, report: silence });
  const value = written && expr && keyValue(key, expr, silent(written.ctx), new Map());
  const said = overridden(value, key, "input", def.name.text, silent(ctx));
  const is = said?.raw.k === "variant" ? said.raw.ctor.name : undefined;
  return named(is) ?? literal ?? (written === undefined ? decoderKind : undefined);
};

/** Of what does not say it: the kind that knows most of its keys. */
const likeliest = (
  { keys }: Flat,
  place: "model" | "blocks",
  { vocabulary }: Checker,
): ModelKind => {
  const known = (kind: ModelKind): number =>
    (vocabulary.keys[kind[place]] ?? []).filter(({ name }) => keys.has(name)).length;
  return modelKinds.reduce((best, kind) => (known(kind) > known(best) ? kind : best));
};

/** Keys of the other kinds of models at the same place, for a complaint that says so. */
const elsewhere = (
  kind: ModelKind,
  place: "model" | "blocks",
  { vocabulary }: Checker,
): NonNullable<Place["elsewhere"]> => {
  const others = modelKinds.filter((other) => other !== kind);
  const found = (key: string): ModelKind | undefined =>
    others.find((other) => vocabulary.keys[other[place]]?.some(({ name }) => name === key));
  return (key) => {
    const other = found(key);
    return other && { other: other.reads, reads: kind.reads, input: other.input };
  };
};

/** Keys in the order of a paper's table: the blocks between what comes before them and after. */
const inOrder = (record: Readonly<Record<string, unknown>>, blocks: unknown): object => {
  const { final_norm, head, ...first } = record;
  return { ...first, blocks, final_norm, head };
};

type PartialBlock = Readonly<Record<string, Value | undefined>>;

/** What a model reads; not sure: its `input` has a mistake. */
interface Reading {
  readonly kind: ModelKind;
  readonly sure: boolean;
}

interface Layer {
  readonly block: PartialBlock;
  readonly known: Known<BlockSpec>;
  readonly whole: boolean;
  readonly at: Span;
}

const evaluateBlocks = (
  flat: Flat,
  root: string,
  reading: Reading,
  origins: Map<string, Origin>,
  checker: Checker,
): { readonly layers: readonly Layer[]; readonly counted: boolean } => {
  const { def, groups } = flat;
  if (groups.length === 0) {
    const details = {
      help: ["blocks: the stack of layers, for example `blocks 4 { norm = pre(rmsnorm()) … }`"],
    };
    if (!flat.broken && !isToldAbove(flat))
      checker.report(
        "missing-key",
        def.name.span,
        { place: "a model", missing: "blocks" },
        details,
      );
    return { layers: [], counted: false };
  }
  origins.set(`${root}.blocks`, {
    span: groups[0]!.count.setting.name.span,
    how: groups[0]!.count.how,
  });
  const counts = groups.map((group) => countOf(group.count));
  const known = counts.filter((n) => n !== undefined);
  const total = known.reduce((sum, n) => sum + n, 0);
  const last = groups.at(-1)!.count.setting;
  const tooMany = total > MOST_LAYERS;
  if (tooMany)
    checker.report("too-many-layers", (last.header ?? last.name).span, {
      count: total,
      most: MOST_LAYERS,
    });
  // What does not depend on the number of layers is checked all the same, in one layer of each group.
  const counted = known.length === groups.length && !tooMany;
  const layers: Layer[] = [];
  groups.forEach((group, g) => {
    for (let n = 0; n < (counted ? counts[g]! : 1); n += 1) {
      const index = layers.length;
      const layer = counted ? { l: index + 1, L: total } : undefined;
      const { values, at } = evaluateBlock(group, flat, reading, layer ?? unknownLayer, checker);
      const path = `${root}.blocks.${index}`;
      const block: Record<string, Value | undefined> = { layer: index + 1 };
      if (reading.kind === imageKind) block["first"] = n === 0;
      const known = { ...block };
      origins.set(path, { span: at, how: group.count.how });
      for (const [key, value] of values) {
        block[key] = toValue(value, `${path}.${key}`, origins);
        if (!isWhole(value)) continue;
        const layering = value.raw.k === "variant" ? value.raw.ctor.perLayer : undefined;
        if (layering !== undefined) {
          if (layer === undefined) continue;
          const made = layering(block[key] as Variant, layer);
          block[key] = made.value;
          for (const complaint of made.complaints)
            raise(complaint, `${path}.${key}`, at, origins, flat.ctx);
        }
        known[key] = block[key];
      }
      const whole = counted && [...values.values()].every(isWhole);
      layers.push({ block, known: known as Known<BlockSpec>, at, whole });
    }
  });
  return { layers, counted };
};

const countOf = ({ setting, ctx }: Written): number | undefined => {
  const expr = headerExpr(setting);
  if (expr === undefined) return undefined;
  const count = evaluate(expr, { type: { kind: "int", min: 1 }, optional: false }, ctx);
  return count?.raw.k === "number" ? count.raw.value : undefined;
};

const headerExpr = ({ header }: Setting): Expr | undefined => {
  if (header === undefined) return undefined;
  if (header.kind === "path") return { kind: "reference", path: header.path, span: header.span };
  return header.value;
};

/** One layer's keys: the named block's, then each `blocks` body laid over them. */
const evaluateBlock = (
  group: Group,
  flat: Flat,
  { kind, sure }: Reading,
  layer: LayerIndex,
  checker: Checker,
): { readonly values: ReadonlyMap<string, Maybe>; readonly at: Span } => {
  const written = new Map<string, Written>();
  // what seems to be missing may be of the other kind
  let broken = !sure;
  const at = group.count.setting.name.span;
  if (group.base !== undefined) {
    const { reference, ctx } = group.base;
    const name = reference.path[0];
    const inner: Context = { ...ctx, layer };
    const binding = name && declaration(name, "block", ctx.module, checker);
    if (binding === undefined) broken = true;
    else {
      const block = flatten(binding, reference.args ?? [], inner, BLOCK, checker, reference.span);
      broken ||= block.broken || block.open.length > 0;
      for (const [key, value] of block.keys) written.set(key, value);
    }
  }
  for (const { body, ctx, how } of group.layers) {
    broken ||= body.broken;
    const seen = new Map<string, Span>();
    for (const entry of body.entries) {
      if (entry.kind === "rule") refuseRule(entry, "blocks", checker);
      else if (!isRepeated(entry.name, seen, checker))
        written.set(entry.name.text, { setting: entry, ctx, how });
    }
  }
  const place = {
    name: "blocks",
    keys: checker.vocabulary.keys[kind.blocks] ?? [],
    elsewhere: elsewhere(kind, "blocks", checker),
    words: [],
    path: "blocks",
    owner: flat.def.name.text,
    at,
    broken,
    otherwise: group.replaces
      ? "these layers replace the inherited ones; `blocks { … }` without a number changes those"
      : undefined,
  };
  return { values: evaluateKeys(place, written, { ...flat.ctx, layer }), at };
};

/** A `block` by itself: its keys and types; what it leaves out may come where it is used. */
export const checkBlock = (flat: Flat, checker: Checker): void => {
  const { def } = flat;
  const kind = likeliest(flat, "blocks", checker);
  const place = {
    name: "blocks",
    keys: checker.vocabulary.keys[kind.blocks] ?? [],
    elsewhere: elsewhere(kind, "blocks", checker),
    words: [],
    path: "",
    owner: def.name.text,
    at: def.name.span,
    broken: true,
  };
  evaluateKeys(place, flat.keys, { ...flat.ctx, layer: unknownLayer });
};
