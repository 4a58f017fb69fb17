// Rotary positions in config.json: `rope_parameters` since version 5 of transformers, `rope_theta` and `rope_scaling` before;
// both are read, the newer is written, the older too on request and for code that knows no other.
import type { DecoderSpec, Variant } from "../../semantics/spec.ts";
import { isConfig, type Config, type ConfigReader } from "../config-reader.ts";
import { make, type Keys } from "../family.ts";
import { at, firstBlock, variantAt } from "./parts.ts";

/** What config.json says of positions outside of the rotary keys themselves. */
interface Around {
  /** Where those keys do not say. */
  readonly theta: number;
  readonly context: number;
  /** Some families' own key; it goes before the one inside. */
  readonly original?: number | undefined;
  /** In the words of version 4. */
  readonly older?: boolean;
}
/** A kind of scaling: keys of the language from keys of config.json, and back. */
interface Scaling {
  readonly read: (rope: ConfigReader, around: Around) => Keys;
  readonly write: (scaling: Variant) => Config;
}
const ORIGINAL = "original_max_position_embeddings";
const originalOf = (rope: ConfigReader, { context, original }: Around): number => {
  const inside = rope.whole(ORIGINAL, context);
  return original ?? inside;
};
const real = (rope: ConfigReader, key: string): number | undefined =>
  rope.has(key) ? rope.real(key) : undefined;

/** Of longrope, where nothing else is said. */
const attentionFactor = (factor: number, trained: number): number =>
  Math.sqrt(1 + Math.log(factor) / Math.log(trained));

const scalings: Readonly<Record<string, Scaling>> = {
  linear: {
    read: (rope) => ({ factor: rope.real("factor") }),
    write: ({ factor }) => ({ factor }),
  },
  dynamic: {
    read: (rope, { context }) => {
      // transformers reads no other length here.
      rope.only(ORIGINAL, context);
      return { factor: rope.real("factor"), original: context };
    },
    write: (s) => ({ factor: s["factor"], [ORIGINAL]: s["original"] }),
  },
  llama3: {
    read: (rope, { original }) => ({
      factor: rope.real("factor"),
      original: original ?? rope.whole(ORIGINAL),
      low_freq: rope.real("low_freq_factor"),
      high_freq: rope.real("high_freq_factor"),
    }),
    write: (s) => ({
      factor: s["factor"],
      [ORIGINAL]: s["original"],
      low_freq_factor: s["low_freq"],
      high_freq_factor: s["high_freq"],
    }),
  },
  yarn: {
    read: (rope, around) => {
      const scales = { mscale: real(rope, "mscale"), mscale_all_dim: real(rope, "mscale_all_dim") };
      const both = Boolean(scales.mscale) && Boolean(scales.mscale_all_dim);
      const trained = originalOf(rope, around);
      return {
        factor: rope.has("factor") ? rope.real("factor") : around.context / trained,
        original: trained,
        beta_fast: real(rope, "beta_fast"),
        beta_slow: real(rope, "beta_slow"),
        truncate: rope.flag("truncate", true) ? undefined : false,
        attention_factor: real(rope, "attention_factor"),
        // One without the other is nothing.
        ...(both && real(rope, "attention_factor") === undefined ? scales : {}),
      };
    },
    write: (s) => ({
      factor: s["factor"],
      [ORIGINAL]: s["original"],
      beta_fast: s["beta_fast"],
      beta_slow: s["beta_slow"],
      ...(s["truncate"] === false && { truncate: false }),
      ...(s["attention_factor"] !== null && { attention_factor: s["attention_factor"] }),
      ...(s["mscale"] !== null && { mscale: s["mscale"], mscale_all_dim: s["mscale_all_dim"] }),
    }),
  },
  longrope: {
    read: (rope, around) => {
      const { context } = around;
      const trained = originalOf(rope, around);
      const ratio = context / trained;
      const factor = rope.has("factor") ? rope.real("factor") : ratio;
      const given = real(rope, "attention_factor");
      if (
        around.older === true &&
        around.original !== undefined &&
        factor !== ratio &&
        given === undefined
      )
        throw rope.fault(
          "factor",
          `is ${factor}, but version 4 of transformers takes the ratio of the lengths, ${ratio}; --set rope_scaling.factor=${ratio} goes with 4, --set rope_scaling.attention_factor=${attentionFactor(factor, trained)} with 5`,
        );
      // Only where it is not the ratio of the two lengths does the factor say anything of its own.
      const own = factor === ratio || factor <= 1 ? undefined : attentionFactor(factor, trained);
      return {
        short: rope.reals("short_factor"),
        long: rope.reals("long_factor"),
        original: trained,
        attention_factor: given ?? own,
      };
    },
    write: (s) => ({
      short_factor: s["short"],
      long_factor: s["long"],
      [ORIGINAL]: s["original"],
      ...(s["attention_factor"] !== null && { attention_factor: s["attention_factor"] }),
    }),
  },
};

/** One set of parameters. A key without effect would be taken for one that has it. */
const ropeFrom = (rope: ConfigReader, around: Around): Variant => {
  const type = rope.text("rope_type", rope.text("type", "default"));
  rope.only("partial_rotary_factor", 1);
  const theta = rope.real("rope_theta", around.theta);
  const scaling = scalings[type];
  if (scaling === undefined && type !== "default")
    throw rope.fault("rope_type", `${JSON.stringify(type)} is not known`);
  const keys = scaling?.read(rope, around);
  rope.given(ORIGINAL);
  rope.nothingElse(`${type} rotary positions`);
  return make("rope", { theta, scaling: keys && make(type, keys) });
};

const aroundOf = (config: ConfigReader, theta: number): Around => {
  config.only("partial_rotary_factor", 1);
  return {
    theta: config.real("rope_theta", theta),
    context: config.whole("max_position_embeddings"),
    original: config.optional(ORIGINAL),
  };
};
const readOlderRope = (config: ConfigReader, around: Around): Variant =>
  config.has("rope_scaling")
    ? ropeFrom(config.inner("rope_scaling"), { ...around, older: !config.has("rope_parameters") })
    : make("rope", { theta: around.theta });

/** Both spellings may be there; then they say the same. */
const checkSpellings = <T>(config: ConfigReader, newer: T, older: T): T => {
  if (config.has("rope_scaling") && JSON.stringify(newer) !== JSON.stringify(older))
    throw config.fault("rope_scaling", "says something else than rope_parameters");
  return newer;
};

export const readRope = (config: ConfigReader, theta = 10_000): Variant => {
  const around = aroundOf(config, theta);
  const older = readOlderRope(config, around);
  if (!config.has("rope_parameters")) return older;
  return checkSpellings(config, ropeFrom(config.inner("rope_parameters"), around), older);
};

/** Layers of two kinds, each with positions of its own: Gemma 3. */
export const readRopeByLayer = (
  config: ConfigReader,
  thetas: { readonly full: number; readonly sliding: number },
): { readonly full: Variant; readonly sliding: Variant } => {
  const around = {
    full: aroundOf(config, thetas.full),
    sliding: {
      ...aroundOf(config, thetas.sliding),
      theta: config.real("rope_local_base_freq", thetas.sliding),
    },
  };
  const older = {
    full: readOlderRope(config, around.full),
    sliding: make("rope", { theta: around.sliding.theta }),
  };
  if (!config.has("rope_parameters")) return older;
  const rope = config.inner("rope_parameters");
  const of = (key: string, given: Around): Variant =>
    rope.has(key) ? ropeFrom(rope.inner(key), given) : make("rope", { theta: given.theta });
  const newer = {
    full: of("full_attention", around.full),
    sliding: of("sliding_attention", around.sliding),
  };
  rope.nothingElse("positions by the kind of layer");
  return checkSpellings(config, newer, older);
};

export const ropeParameters = (position: Variant | undefined): Config | undefined => {
  if (position?.is !== "rope") return undefined;
  const scaling = variantAt(position, "scaling");
  const theta = { rope_theta: at(position, "theta") };
  if (scaling === undefined) return { rope_type: "default", ...theta };
  return { rope_type: scaling.is, ...theta, ...scalings[scaling.is]?.write(scaling) };
};
export const ropeKeys = (model: DecoderSpec): Config => ({
  rope_parameters: ropeParameters(variantAt(firstBlock(model), "attention.position")),
});

/** `rope_parameters` in the words of version 4; what they cannot say is left out. */
export const olderRope = (rope: Config): Config => {
  const { full_attention: full, sliding_attention: sliding } = rope;
  if (isConfig(full))
    return {
      ...olderRope(full),
      ...(isConfig(sliding) && { rope_local_base_freq: sliding["rope_theta"] }),
    };
  const { rope_theta, ...scaling } = rope;
  const type = scaling["rope_type"];
  if (type === "default") return { rope_theta, rope_scaling: null };
  return {
    rope_theta,
    // `type` is what models' own code reads.
    rope_scaling: { type, ...scaling },
    // There this length counts outside alone.
    ...(type === "longrope" && { [ORIGINAL]: scaling[ORIGINAL] }),
  };
};
