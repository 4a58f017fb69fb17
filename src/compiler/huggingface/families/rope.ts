// Rotary positions in config.json: `rope_parameters` since version 5 of transformers, `rope_theta` and `rope_scaling` before;
// both are read, the newer is written.
import type { DecoderSpec, Variant } from "../../semantics/spec.ts";
import type { Config, ConfigReader } from "../config-reader.ts";
import { make, type Keys } from "../family.ts";
import { at, firstBlock, variantAt } from "./parts.ts";

/** A kind of scaling: keys of the language from keys of config.json, and back. */
interface Scaling {
  readonly read: (rope: ConfigReader, context: number) => Keys;
  readonly write: (scaling: Variant) => Config;
}
const ORIGINAL = "original_max_position_embeddings";
const original = (rope: ConfigReader, context: number): number => rope.whole(ORIGINAL, context);
const real = (rope: ConfigReader, key: string): number | undefined =>
  rope.has(key) ? rope.real(key) : undefined;

const scalings: Readonly<Record<string, Scaling>> = {
  linear: {
    read: (rope) => ({ factor: rope.real("factor") }),
    write: ({ factor }) => ({ factor }),
  },
  dynamic: {
    read: (rope, context) => ({ factor: rope.real("factor"), original: original(rope, context) }),
    write: (s) => ({ factor: s["factor"], [ORIGINAL]: s["original"] }),
  },
  llama3: {
    read: (rope) => ({
      factor: rope.real("factor"),
      original: rope.whole(ORIGINAL),
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
    read: (rope, context) => {
      const scales = { mscale: real(rope, "mscale"), mscale_all_dim: real(rope, "mscale_all_dim") };
      const both = Boolean(scales.mscale) && Boolean(scales.mscale_all_dim);
      const trained = original(rope, context);
      return {
        factor: rope.has("factor") ? rope.real("factor") : context / trained,
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
    read: (rope, context) => {
      const trained = original(rope, context);
      const factor = rope.has("factor") ? rope.real("factor") : context / trained;
      // Only where it is not the ratio of the two lengths does the factor say anything of its own.
      const own =
        factor === context / trained || factor <= 1
          ? undefined
          : Math.sqrt(1 + Math.log(factor) / Math.log(trained));
      return {
        short: rope.reals("short_factor"),
        long: rope.reals("long_factor"),
        original: trained,
        attention_factor: real(rope, "attention_factor") ?? own,
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

/** One set of parameters; `theta` where they do not say. */
const ropeFrom = (rope: ConfigReader, theta: number, context: number): Variant => {
  const type = rope.text("rope_type", rope.text("type", "default"));
  rope.only("partial_rotary_factor", 1);
  const base = rope.real("rope_theta", theta);
  if (type === "default") return make("rope", { theta: base });
  const scaling = scalings[type];
  if (scaling === undefined) throw rope.fault("rope_type", `${JSON.stringify(type)} is not known`);
  return make("rope", { theta: base, scaling: make(type, scaling.read(rope, context)) });
};

export const readRope = (config: ConfigReader, theta = 10_000): Variant => {
  const context = config.whole("max_position_embeddings");
  if (config.has("rope_parameters"))
    return ropeFrom(config.inner("rope_parameters"), theta, context);
  const base = config.real("rope_theta", theta);
  return config.has("rope_scaling")
    ? ropeFrom(config.inner("rope_scaling"), base, context)
    : make("rope", { theta: base });
};

/** Layers of two kinds, each with positions of its own: Gemma 3. */
export const readRopeByLayer = (
  config: ConfigReader,
  thetas: { readonly full: number; readonly sliding: number },
): { readonly full: Variant; readonly sliding: Variant } => {
  const context = config.whole("max_position_embeddings");
  if (!config.has("rope_parameters"))
    return {
      full: readRope(config, thetas.full),
      sliding: make("rope", { theta: config.real("rope_local_base_freq", thetas.sliding) }),
    };
  const rope = config.inner("rope_parameters");
  const of = (key: string, theta: number): Variant =>
    rope.has(key) ? ropeFrom(rope.inner(key), theta, context) : make("rope", { theta });
  return {
    full: of("full_attention", thetas.full),
    sliding: of("sliding_attention", thetas.sliding),
  };
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
