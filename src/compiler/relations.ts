// How two constructors go together, found out by asking the checker: a small model that has both is written down, then once
// more for each word and switch of either. Nothing here knows a method; what there is to say, their own checks say.
import { analyzeText } from "./analyze.ts";
import { InternalError, type Diagnostic } from "./diagnostics/types.ts";
import { choices, plain, written, type Value } from "./examples.ts";
import { decoderKind, imageKind, type ModelKind } from "./semantics/kinds.ts";
import type { Constructor, Key, Type } from "./semantics/schema.ts";
import { vocabulary } from "./words.ts";

export interface Relation {
  /**
   * "together": in one model; "in turn": values of one key of blocks, so that layers have either; "either": values of a key
   * that a model or recipe has once; "apart": of models that read different things.
   */
  readonly kind: "together" | "in turn" | "either" | "apart";
  /** The keys that hold them, as source text; "" where no text holds both. */
  readonly text: string;
  readonly complaints: readonly Diagnostic[];
  /** What one other word or switch of either brings about beyond that: "gpas(site: after_addition)". */
  readonly settings: readonly {
    readonly text: string;
    readonly complaints: readonly Diagnostic[];
  }[];
  /** Words and switches that lift all errors. */
  readonly unless: readonly string[];
}

const PLACES = ["blocks", "model", "recipe"] as const;
type Place = (typeof PLACES)[number];

/** A kind of model, where its keys stand in the vocabulary, and small ones of it. */
interface World {
  readonly kind: ModelKind;
  readonly places: Readonly<Record<Place, string>>;
  /** Keys and values; of several, the one with the fewest complaints counts. */
  readonly bases: readonly Readonly<Record<Place, Readonly<Record<string, string>>>>[];
}
const WORLDS: readonly World[] = [
  {
    kind: decoderKind,
    places: { ...decoderKind, recipe: "recipe" },
    bases: [
      {
        model: { vocab_size: "256", hidden_size: "32", context: "256" },
        blocks: { norm: "pre()", attention: "mha(heads: 4)", ffn: "swiglu(intermediate: 64)" },
        recipe: { data: 'text("corpus.txt")' },
      },
    ],
  },
  {
    kind: imageKind,
    places: { ...imageKind, recipe: "recipe" },
    bases: ["image(32, 32)", "image(28, 28, 1)"].map((input) => ({
      model: { input, stem: "conv(8)", head: "classifier(100)" },
      blocks: { unit: "wide_basic(8)" },
      recipe: { data: "images(shapes(train: 64, test: 16))" },
    })),
  },
];

interface Placed {
  readonly world: World;
  readonly place: Place;
  readonly key: string;
  /** The key is a block of rules, `decay { selector => value }`. */
  readonly rule: boolean;
  readonly value: Value;
}

const sumOf = (type: Type): string | undefined =>
  type.kind === "sum" ? type.name : type.kind === "list" ? sumOf(type.of) : undefined;

/** The value that holds `wanted` under the first of these keys that leads to its sum, through as few others as possible. */
const within = (
  keys: readonly Key[],
  wanted: Value,
  seen: readonly string[] = [],
): readonly [key: string, value: Value] | undefined => {
  const direct = keys.find((key) => sumOf(key.type) === wanted.ctor.of);
  if (direct !== undefined) return [direct.name, wanted];
  for (const key of keys) {
    const sum = sumOf(key.type);
    if (sum === undefined || seen.includes(sum)) continue;
    for (const ctor of vocabulary.constructors.filter((c) => c.of === sum)) {
      const inner = within(ctor.keys, wanted, [...seen, sum]);
      if (inner !== undefined) return [key.name, { ctor, args: new Map([inner]) }];
    }
  }
  return undefined;
};

/** Undefined: no key of such a model, or of a recipe for it, leads to the value. */
const placedIn = (world: World, value: Value): Placed | undefined => {
  for (const place of PLACES) {
    const keys = within(vocabulary.keys[world.places[place]] ?? [], value);
    const rules = (vocabulary.rules[place] ?? []).map(({ name, of, doc }): Key => ({
      name,
      doc,
      type: { kind: "sum", name: of },
    }));
    const found = keys ?? within(rules, value);
    if (found !== undefined)
      return { world, place, key: found[0], rule: keys === undefined, value: found[1] };
  }
  return undefined;
};

/** `host` with `guest` inside of it, where a key of it is free for that. */
const inserted = (host: Value, guest: Value): Value | undefined => {
  const found = within(host.ctor.keys, guest);
  if (found === undefined) return undefined;
  const [key, value] = found;
  const held = host.args.get(key);
  if (typeof held === "string") return undefined;
  const inner = held === undefined ? value : inserted(held, guest);
  return inner && { ...host, args: new Map([...host.args, [key, inner]]) };
};

/** `host`, where it holds `a` in a list, with `b` after it. */
const listed = (host: Value, a: Value, b: Value): Value | undefined => {
  if (a.ctor.of !== b.ctor.of) return undefined;
  for (const [key, arg] of host.args) {
    if (typeof arg === "string") continue;
    const isList = host.ctor.keys.some(({ name, type }) => name === key && type.kind === "list");
    const both = arg === a && isList ? `[${written(a)}, ${written(b)}]` : listed(arg, a, b);
    if (both !== undefined) return { ...host, args: new Map([...host.args, [key, both]]) };
  }
  return undefined;
};

/** A line of a body: "norm = pre()", "decay { * => none() }". */
interface Setting {
  readonly place: Place;
  readonly key: string;
  readonly text: string;
}
const line = ({ place, key, rule }: Placed, text: string): Setting => ({
  place,
  key,
  text: rule ? `${key} { ${text} }` : `${key} = ${text}`,
});
const only = (at: Placed): Setting => line(at, `${at.rule ? "* => " : ""}${written(at.value)}`);

interface Combined {
  readonly kind: Relation["kind"];
  readonly world: World;
  readonly settings: readonly Setting[];
}
/** In the kind of model that has a place for both, and the least to complain about. */
const combined = (a: Value, b: Value): Combined => {
  const found = WORLDS.flatMap((world): readonly Combined[] => {
    const [one, other] = [placedIn(world, a), placedIn(world, b)];
    return one === undefined || other === undefined
      ? []
      : [{ world, ...together(one, other, a, b) }];
  });
  return leastOf(found) ?? { kind: "apart", world: WORLDS[0]!, settings: [] };
};
const leastOf = <T extends { readonly world: World; readonly settings: readonly Setting[] }>(
  found: readonly T[],
): T | undefined => {
  if (found.length < 2) return found[0];
  const complaints = found.map((c) => complaintsOf(c.world, c.settings).length);
  return found[complaints.indexOf(Math.min(...complaints))];
};
const together = (
  one: Placed,
  other: Placed,
  a: Value,
  b: Value,
): Pick<Combined, "kind" | "settings"> => {
  if (one.place !== other.place || one.key !== other.key)
    return { kind: "together", settings: [only(one), only(other)] };
  const both = inserted(one.value, b) ?? inserted(other.value, a) ?? listed(one.value, a, b);
  if (both !== undefined) return { kind: "together", settings: [only({ ...one, value: both })] };
  if (one.rule) {
    const rules = `norm => ${written(one.value)} * => ${written(other.value)}`;
    return { kind: "together", settings: [line(one, rules)] };
  }
  if (one.place !== "blocks") return { kind: "either", settings: [] };
  const text = `if l <= L / 2 then ${written(one.value)} else ${written(other.value)}`;
  return { kind: "in turn", settings: [line(one, text)] };
};

const complaintsOf = (world: World, settings: readonly Setting[]): readonly Diagnostic[] => {
  const found = world.bases.map((base) => complaintsOn(base, settings));
  return found.reduce((least, some) => (some.length < least.length ? some : least));
};
const complaintsOn = (
  base: World["bases"][number],
  settings: readonly Setting[],
): readonly Diagnostic[] => {
  const body = (place: Place): string => {
    const own = settings.filter((s) => s.place === place);
    const rest = Object.entries(base[place]).filter(([key]) => own.every((s) => s.key !== key));
    return [...rest.map(([key, text]) => `${key} = ${text}`), ...own.map((s) => s.text)].join("\n");
  };
  const text = `spec 1\nmodel Example {\n${body("model")}\nblocks 4 {\n${body("blocks")}\n}\n}\nrecipe Training for Example {\n${body("recipe")}\n}`;
  return analyzeText("example.arch", text).diagnostics;
};

const shown = (settings: readonly Setting[]): string =>
  PLACES.toReversed()
    .flatMap((place) => {
      const lines = settings.filter((s) => s.place === place).map(({ text }) => text);
      if (lines.length === 0 || place !== "blocks") return lines;
      return ["blocks {", ...lines.map((text) => `  ${text}`), "}"];
    })
    .join("\n");

const isError = ({ severity }: Diagnostic): boolean => severity === "error";

export const relationOf = (first: Constructor, second: Constructor): Relation => {
  const { kind, world, settings } = combined(plain(first), plain(second));
  if (settings.length === 0) return { kind, text: "", complaints: [], settings: [], unless: [] };
  const complaints = complaintsOf(world, settings);
  const known = new Set(complaints.map(({ name }) => name));
  const vary = (a: Value, b: Value, which: Value) => ({
    which,
    complaints: complaintsOf(world, combined(a, b).settings),
  });
  const varied = [
    ...choices(first).map((value) => vary(value, plain(second), value)),
    ...choices(second).map((value) => vary(plain(first), value, value)),
  ];
  /** What is wrong with the value wherever it stands, which is no matter of the other. */
  const own = (which: Value): readonly string[] => {
    const at = placedIn(world, which);
    return at === undefined ? [] : complaintsOf(world, [only(at)]).map(({ name }) => name);
  };
  return {
    kind,
    text: shown(settings),
    complaints,
    settings: varied.flatMap(({ which, complaints: found }) => {
      const more = found.filter(({ name }) => !known.has(name));
      if (more.length === 0) return [];
      const alone = own(which);
      const brought = more.filter(({ name }) => !alone.includes(name));
      return brought.length === 0 ? [] : [{ text: written(which), complaints: brought }];
    }),
    unless: complaints.some(isError)
      ? varied.filter((v) => !v.complaints.some(isError)).map((v) => written(v.which))
      : [],
  };
};

/** A model with one of them, by its examples alone. */
export const exampleOf = (ctor: Constructor): Pick<Relation, "text" | "complaints"> => {
  const value = plain(ctor);
  const found = WORLDS.flatMap((world) => {
    const at = placedIn(world, value);
    return at === undefined ? [] : [{ world, settings: [only(at)] }];
  });
  const best = leastOf(found);
  if (best === undefined) throw new InternalError(`nothing holds a ${ctor.of}`);
  return { text: shown(best.settings), complaints: complaintsOf(best.world, best.settings) };
};

/** In a word: whether one model has both. */
export const verdictOf = ({
  kind,
  complaints,
  settings,
}: Relation): "yes" | "with exceptions" | "no" | "in turn" | "one of them" | "apart" => {
  if (kind === "apart") return "apart";
  if (kind === "either") return "one of them";
  if (complaints.some(isError)) return "no";
  if (complaints.length > 0 || settings.length > 0) return "with exceptions";
  return kind === "in turn" ? "in turn" : "yes";
};
