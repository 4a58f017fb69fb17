// Does a value fit its place? Numbers to integers, percents and quantities; each misfit with the smallest edit that helps.
import { suggestion } from "../diagnostics/fix.ts";
import type { Details, Span } from "../diagnostics/types.ts";
import { construct } from "./construct.ts";
import { reportValue, type Context, type Want } from "./context.ts";
import { sampleOf } from "./samples.ts";
import type { Type, Unit } from "./schema.ts";
import {
  givenAt,
  orList,
  plural,
  showNumber,
  showType,
  showVal,
  shown,
  type Maybe,
  type Raw,
  type Val,
} from "./values.ts";

export const conform = (value: Val, want: Want, ctx: Context): Maybe => {
  const { type, optional } = want;
  const { raw } = value;
  if (raw.k === "none") return none(value, want, ctx);
  switch (type.kind) {
    case "int":
    case "float":
      return number(value, type, want, ctx);
    case "quantity":
      return quantity(value, type, want, ctx);
    case "bool":
      return raw.k === "bool" ? value : wrong(value, want, ctx);
    case "string":
      return raw.k === "string" ? value : wrong(value, want, ctx);
    case "word": {
      const text = raw.k === "string" || raw.k === "word" ? raw.value : undefined;
      const known = type.words.some((w) => w.name === text);
      return text !== undefined && known
        ? { ...value, raw: { k: "word", value: text } }
        : wrong(value, want, ctx);
    }
    case "sum":
      return raw.k === "variant" && raw.ctor.of === type.name ? value : wrong(value, want, ctx);
    case "range": {
      if (raw.k !== "range") return wrong(value, want, ctx);
      const end = (x: Maybe): Maybe => x && conform(x, { type: type.of, optional: false }, ctx);
      return { ...value, raw: { ...raw, from: end(raw.from), to: end(raw.to) } };
    }
    case "list": {
      if (type.single === true && raw.k !== "list") {
        const one = conform(value, { type: type.of, optional }, ctx);
        return one && { ...one, raw: { k: "list", items: [one] } };
      }
      if (raw.k !== "list") return wrong(value, want, ctx);
      const count = raw.items.length;
      const least = type.length ?? type.min ?? 0;
      if (count < least || (type.length !== undefined && count > type.length)) {
        const wanted = type.length === undefined ? `at least ${least}` : `${type.length}`;
        ctx.report("list-length", value.at, { count, wanted }, origin(value));
        return undefined;
      }
      const items = raw.items.map((x) => x && conform(x, { type: type.of, optional: false }, ctx));
      return { ...value, raw: { k: "list", items } };
    }
  }
};

const none = (value: Val, { type, optional, doc }: Want, ctx: Context): Maybe => {
  if (optional) return value;
  const { constructors } = ctx.checker.vocabulary;
  if (type.kind === "sum") {
    const variant = constructors.find((c) => c.of === type.name && c.name === "none");
    if (variant !== undefined) return construct(variant, [], value.at, ctx);
  }
  if (type.kind === "word" && type.words.some((w) => w.name === "none"))
    return { ...value, raw: { k: "word", value: "none" } };
  const help = type.kind === "sum" ? [choice(value, type, ctx)] : doc === undefined ? [] : [doc];
  ctx.report("none-not-here", value.at, { wanted: showType(type) }, { ...origin(value), help });
  return undefined;
};

/** Further labels: where the literal stands, or those it was computed from, if they are somewhere else. */
const origin = (value: Val): Pick<Details, "notes"> => {
  const text = value.by === undefined ? "the value is given here" : "it comes from here";
  return { notes: givenAt(value).map((at) => ({ at, text })) };
};

/** Configs of other libraries list a value for each layer. */
const PATTERN =
  "what changes from layer to layer is written by the layer's number: `if mod(l, 2) == 0 then … else …`";

const wrong = (value: Val, want: Want, ctx: Context): Maybe => {
  const args = { wanted: showType(want.type), found: showVal(value) };
  ctx.report("wrong-type", value.at, args, { ...origin(value), help: instead(value, want, ctx) });
  return undefined;
};
const instead = (value: Val, { type, optional }: Want, ctx: Context): readonly string[] => {
  const { raw } = value;
  if (raw.k === "list" && ctx.layer !== undefined) return [PATTERN];
  if (raw.k === "bool" && !raw.value && optional) return ["write none"];
  if (raw.k === "string" && isQuoted(raw.value, type, ctx))
    return [`write \`${raw.value}\` without quotes`];
  if (type.kind === "sum")
    return raw.k === "variant"
      ? [`${type.name} is one of ${variants(type.name, ctx)}`]
      : [choice(value, type, ctx)];
  if (raw.k === "string" && type.kind === "word") return ["write the word without quotes"];
  if (raw.k === "number" && type.kind === "bool" && (raw.value === 0 || raw.value === 1))
    return [`write ${raw.value === 1}`];
  return [];
};

/** What would do here, if it were no text. */
const isQuoted = (text: string, type: Type, { checker }: Context): boolean => {
  if (type.kind === "int" || type.kind === "float") return /^\d+(?:\.\d+)?$/.test(text);
  if (type.kind === "quantity") return /^\d[\d_.]*(?: [a-z]+|%)$/.test(text);
  return (
    type.kind === "sum" &&
    checker.vocabulary.constructors.some((c) => c.of === type.name && c.name === text)
  );
};

const variants = (sum: string, ctx: Context): string =>
  orList(ctx.checker.vocabulary.constructors.filter((c) => c.of === sum).map((c) => c.name));

/** A call that fits: of the one constructor there is, or of the one that takes the number that was given. */
const choice = (
  { raw }: Val,
  type: Extract<Type, { kind: "sum" }>,
  { checker: { vocabulary } }: Context,
): string => {
  const all = vocabulary.constructors.filter((c) => c.of === type.name);
  const bare = raw.k === "number" && raw.unit === undefined ? raw.value : undefined;
  const takers = all.filter(({ keys: [first, ...more] }) => {
    const float = first?.type.kind === "float" ? first.type : undefined;
    return float !== undefined && more.every((key) => key.default !== undefined);
  });
  const [taker, ...otherTakers] = takers;
  if (bare !== undefined && taker !== undefined && otherTakers.length === 0)
    return `write ${taker.name}(${shown(bare)})`;
  return all.length === 1
    ? `write ${sampleOf(type, vocabulary)}`
    : `write one of ${orList(all.map((c) => c.name))}`;
};

const written = (at: Span, text: string): Pick<Details, "fixes"> =>
  suggestion(`Write ${text}`, at, text);

const number = (
  value: Val,
  type: Extract<Type, { kind: "int" | "float" }>,
  want: Want,
  ctx: Context,
): Maybe => {
  const { raw } = value;
  const { doc } = want;
  if (raw.k !== "number" && raw.k !== "quantity") return wrong(value, want, ctx);
  const percent = type.kind === "float" && type.percent === true;
  if (raw.unit !== undefined && !(percent && raw.unit === "%")) {
    const found = showNumber(raw.value, raw.unit);
    const bare = shown(raw.value);
    // half of an integer is a guess that nobody wants
    const fits = type.kind === "float" || Number.isSafeInteger(raw.value);
    const help = fits ? { help: [`write ${bare}`], ...written(value.from, bare) } : {};
    ctx.report(
      "unit-not-here",
      value.at,
      { found, wanted: showType(type) },
      { ...origin(value), ...help },
    );
    return undefined;
  }
  const x = raw.value;
  if (type.kind === "int" && !Number.isSafeInteger(x)) {
    const near = [...new Set([Math.floor(x), Math.ceil(x)])].filter(
      (n) => fits(n, type) && Number.isSafeInteger(n),
    );
    const help =
      near.length === 0
        ? []
        : [
            `the nearest ${near.length > 1 ? "are" : "is"} ${near.join(" and ")}; floor(…) rounds down`,
          ];
    reportValue(ctx, "not-an-integer", value.at, { found: shown(x) }, { ...origin(value), help });
    return undefined;
  }
  if (!fits(x, type)) {
    const range = bounds(type);
    reportValue(
      ctx,
      "out-of-range",
      value.at,
      { found: showNumber(x, raw.unit), range },
      {
        ...origin(value),
        ...(percent && raw.unit === undefined && x > 1 && fits(x / 100, type)
          ? { help: [`write ${shown(x)}%`], ...written(value.from, `${shown(x)}%`) }
          : { help: closestTo(x, type) ?? (doc === undefined ? [] : [doc]) }),
      },
    );
    return undefined;
  }
  const plain: Raw = { k: "number", value: x };
  return { ...value, raw: plain };
};

type Bounds = {
  readonly min?: number;
  readonly max?: number;
  readonly above?: number;
  readonly below?: number;
};

const fits = (x: number, { min, max, above, below }: Bounds): boolean =>
  (min === undefined || x >= min) &&
  (max === undefined || x <= max) &&
  (above === undefined || x > above) &&
  (below === undefined || x < below);

/** None is nearest to a bound that is itself outside. */
const closestTo = (x: number, { min, max }: Bounds): readonly string[] | undefined => {
  const closest =
    min !== undefined && x < min ? min : max !== undefined && x > max ? max : undefined;
  return closest === undefined ? undefined : [`the nearest value allowed is ${shown(closest)}`];
};

export const bounds = ({ min, max, above, below }: Bounds): string =>
  [
    ...(min === undefined ? [] : [`at least ${shown(min)}`]),
    ...(above === undefined ? [] : [`above ${shown(above)}`]),
    ...(max === undefined ? [] : [`at most ${shown(max)}`]),
    ...(below === undefined ? [] : [`below ${shown(below)}`]),
  ].join(" and ");

/** What is counted has the least of its place; a share of an epoch is fewer steps, and still some. */
const quantityLimits = (unit: Unit, min: number): readonly [limits: Bounds, shown: string] => {
  if (unit === "%") return [{ min: 0, max: 1 }, "between 0% and 100%"];
  if (unit === "epoch") return [{ above: 0 }, "above 0 epochs"];
  return [{ min }, bounds({ min })];
};

const quantity = (
  value: Val,
  type: Extract<Type, { kind: "quantity" }>,
  want: Want,
  ctx: Context,
): Maybe => {
  const { raw } = value;
  if (raw.k !== "number" && raw.k !== "quantity") return wrong(value, want, ctx);
  const units = type.units.map(plural);
  if (raw.unit === undefined) {
    const whole = type.units.find((u) => u !== "%") ?? "%";
    // a part of something is a percentage, where that is taken, or a part of an epoch
    const part = (["%", "epoch"] as const).find((u) => type.units.includes(u));
    const first: Unit = raw.value > 0 && raw.value < 1 ? (part ?? whole) : whole;
    const text = first === "%" ? `${shown(raw.value * 100)}%` : showNumber(raw.value, first);
    const details = {
      ...origin(value),
      help: [`write ${text}`],
      ...written(value.from, text),
    };
    ctx.report(
      "unit-missing",
      value.at,
      { found: shown(raw.value), units: orList(units) },
      details,
    );
    return undefined;
  }
  if (!type.units.includes(raw.unit)) {
    const found = showNumber(raw.value, raw.unit);
    const number = raw.value;
    const forms = type.units.map((u) => (u === "%" ? "a percentage" : showNumber(number, u)));
    const help = [`write it as ${orList(forms)}`];
    ctx.report("wrong-unit", value.at, { found, units: orList(units) }, { ...origin(value), help });
    return undefined;
  }
  const found = showNumber(raw.value, raw.unit);
  const counted =
    raw.unit === "step" ||
    raw.unit === "token" ||
    raw.unit === "sequence" ||
    raw.unit === "sample" ||
    raw.unit === "trial";
  if (counted && !Number.isSafeInteger(raw.value)) {
    reportValue(ctx, "not-an-integer", value.at, { found }, origin(value));
    return undefined;
  }
  const [limits, range] = quantityLimits(raw.unit, type.min ?? 0);
  if (!fits(raw.value, limits)) {
    reportValue(ctx, "out-of-range", value.at, { found, range }, origin(value));
    return undefined;
  }
  return { ...value, raw: { k: "quantity", value: raw.value, unit: raw.unit } };
};
