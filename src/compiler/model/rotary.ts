// Rotary positions, arXiv 2104.09864: tables of cos and sin in the half-split layout of LLaMA, and the ways to make them fit
// a longer context. Made in the graph from d/2 frequencies, so that a bundle carries no tables.
// Legend: B batch, T positions, d width, i a pair of channels, ω_i = theta^(-2i/d) its frequency.
import { InternalError } from "../diagnostics/types.ts";
import type { Builder, Dim, Node } from "../ir/types.ts";
import type { Variant } from "../semantics/spec.ts";
import { flag, number, numbers, optionalNumber, optionalVariant } from "./config.ts";
import { add, cos, dim, iota, maximum, mul, reshape, scalar, sin, sub } from "./ops.ts";
import type { Stage } from "./sites.ts";

/**
 * cos and sin of t · ω, both halves of d alike: two tables [T, d], or [B, 1, T, d] where each row has positions of its own.
 * @param context the longest sequence that the model may see
 */
export const rotaryTables = (
  { b, cache }: Stage,
  T: Dim,
  d: Dim,
  rope: Variant,
  context: number,
): readonly [cos: Node, sin: Node] => {
  const scaling = optionalVariant(rope, "scaling");
  const plain = Array.from({ length: d.size / 2 }, (_, i) =>
    Math.pow(number(rope, "theta"), (-2 * i) / d.size),
  );
  const factor = scaling === null ? 1 : tableFactor(scaling, context);
  let angles: Node;
  if (cache === undefined) {
    const rates = constant(b, frequencies(rope, plain, T.size));
    angles = mul(b, iota(b, "f32", [T, d], 0), rates);
  } else {
    const { positions } = cache;
    const shape = [positions.type.shape[0]!, dim("", 1), T, dim("", 1)];
    const t = reshape(b, b.emit("cast", [positions], { dtype: "f32" }), shape);
    angles = mul(b, t, ownRates(b, rope, plain, t));
  }
  const times = (table: Node): Node => (factor === 1 ? table : mul(b, table, factor));
  return [times(cos(b, angles)), times(sin(b, angles))];
};

/** One number for each pair, twice: f32 [d]. */
const constant = (b: Builder, pairs: readonly number[]): Node =>
  b.emit("constant", [], {
    dtype: "f32",
    shape: [dim("d", 2 * pairs.length)],
    values: [...pairs, ...pairs].map(Math.fround),
  });

/** The frequencies in a sequence of `length` tokens. */
const frequencies = (
  rope: Variant,
  plain: readonly number[],
  length: number,
): readonly number[] => {
  const scaling = optionalVariant(rope, "scaling");
  if (scaling === null) return plain;
  switch (scaling.is) {
    case "linear":
      return plain.map((w) => w / number(scaling, "factor"));
    case "llama3":
      return plain.map((w) => llama3(scaling, w));
    case "yarn":
      return yarn(scaling, plain, number(rope, "theta"));
    case "dynamic": {
      const longer = Math.max(1, length / number(scaling, "original"));
      const growth = number(scaling, "factor") * (longer - 1) + 1;
      return plain.map((w, i) => w * growth ** slowing(plain, i));
    }
    case "longrope": {
      const divisors = numbers(scaling, length > number(scaling, "original") ? "long" : "short");
      return plain.map((w, i) => w / divisors[i]!);
    }
    default:
      throw new InternalError(`no rotary scaling ${scaling.is}`);
  }
};

/**
 * The frequencies at positions t, f32 [B, 1, T, 1], of programs that go on from a cache: [d] or [B, 1, T, d]. Where they depend
 * on the length, each token has those of a sequence that ends with it, as if one token had come at a time: what transformers
 * computes with its cache, and the same whatever the parts of a prompt.
 */
const ownRates = (b: Builder, rope: Variant, plain: readonly number[], t: Node): Node => {
  const scaling = optionalVariant(rope, "scaling");
  if (scaling?.is !== "dynamic" && scaling?.is !== "longrope")
    return constant(b, frequencies(rope, plain, 1));
  const original = number(scaling, "original");
  const length = add(b, t, 1);
  if (scaling.is === "longrope") {
    const rates = (n: number): Node => constant(b, frequencies(rope, plain, n));
    const beyond = b.emit("greater", [length, scalar(b, original)], {});
    return b.emit("select", [beyond, rates(original + 1), rates(original)], {});
  }
  const factor = number(scaling, "factor");
  const longer = maximum(b, mul(b, length, 1 / original), 1);
  const growth = sub(b, mul(b, longer, factor), factor - 1);
  const powers = constant(
    b,
    plain.map((_w, i) => slowing(plain, i)),
  );
  const slowed = b.emit("exp", [mul(b, b.emit("log", [growth], {}), powers)], {});
  return mul(b, slowed, constant(b, plain));
};

/**
 * NTK-aware scaling raises theta to theta · g^(d/(d-2)), by which the slowest pair turns g times slower: the exponent of g in
 * ω_i. Its g is factor · length/original - (factor - 1), as transformers has it.
 */
const slowing = (plain: readonly number[], i: number): number =>
  i === 0 ? 0 : -i / (plain.length - 1);

/** Llama 3.1's (transformers, rope_type llama3). By turns within `original`, original · ω / 2π: few are divided, many kept, a linear ramp of them between. */
const llama3 = (scaling: Variant, w: number): number => {
  const [low, high] = [number(scaling, "low_freq"), number(scaling, "high_freq")];
  const turns = (number(scaling, "original") * w) / (2 * Math.PI);
  const slow = w / number(scaling, "factor");
  if (turns < low) return slow;
  if (turns > high) return w;
  const kept = (turns - low) / (high - low);
  return (1 - kept) * slow + kept * w;
};

/** arXiv 2309.00071, section 3.2: also by turns within `original`; the ramp is linear in i between two pairs. */
const yarn = (scaling: Variant, plain: readonly number[], theta: number): readonly number[] => {
  const decay = Math.log(theta) / plain.length; // ω_i = e^(-i · decay)
  const pairOf = (turns: number): number =>
    Math.log(number(scaling, "original") / (turns * 2 * Math.PI)) / decay;
  const [fast, slow] = [pairOf(number(scaling, "beta_fast")), pairOf(number(scaling, "beta_slow"))];
  const whole = flag(scaling, "truncate");
  const from = Math.max(whole ? Math.floor(fast) : fast, 0);
  const to = Math.min(whole ? Math.ceil(slow) : slow, 2 * plain.length - 1);
  // transformers' guard against a ramp without a width
  const span = to === from ? 0.001 : to - from;
  return plain.map((w, i) => {
    const divided = Math.min(1, Math.max(0, (i - from) / span));
    return (w / number(scaling, "factor")) * divided + w * (1 - divided);
  });
};

/** What cos and sin are multiplied by, so q · k by its square. */
const tableFactor = (scaling: Variant, context: number): number => {
  if (scaling.is !== "yarn" && scaling.is !== "longrope") return 1;
  const given = optionalNumber(scaling, "attention_factor");
  if (given !== null) return given;
  if (scaling.is === "yarn") {
    const [over, under] = [
      optionalNumber(scaling, "mscale"),
      optionalNumber(scaling, "mscale_all_dim"),
    ];
    return over === null || under === null
      ? yarnScale(scaling, 1)
      : yarnScale(scaling, over) / yarnScale(scaling, under);
  }
  // arXiv 2402.13753, section 3.3
  const original = number(scaling, "original");
  const longer = Math.max(1, context / original);
  return Math.sqrt(1 + Math.log(longer) / Math.log(original));
};

/** arXiv 2309.00071, section 3.4: m = 0.1 ln(factor) + 1, here with DeepSeek's multiplier. */
const yarnScale = (scaling: Variant, multiplier: number): number =>
  0.1 * multiplier * Math.log(number(scaling, "factor")) + 1;

/** What DeepSeek's latent attention multiplies its softmax scale by beside the tables' factor. */
export const latentScoreFactor = (rope: Variant): number => {
  const scaling = optionalVariant(rope, "scaling");
  const multiplier = scaling?.is === "yarn" ? optionalNumber(scaling, "mscale_all_dim") : null;
  return scaling === null || multiplier === null ? 1 : yarnScale(scaling, multiplier) ** 2;
};
