// From logits to a token: repetition penalty, temperature, top-k, top-p, then the uniform number of this position decides. The
// order is that of Hugging Face's warpers; ties go to the lower id. What is kept is drawn from in the order of ids, not of
// rank: engines that differ in the last bit of two close logits still draw the same token.

export interface SamplingOptions {
  /** 0 takes the likeliest token. Default 1. */
  readonly temperature?: number;
  /** Draw from so many of the likeliest tokens; null or absent: from all. */
  readonly topK?: number | null;
  /** Draw from the fewest tokens whose probabilities reach this sum. Default 1. */
  readonly topP?: number;
  /** Above 1: tokens that occurred already become less likely (arXiv 1909.05858). Default 1. */
  readonly repetitionPenalty?: number;
}

/** What no call can mean is refused before anything runs. */
export const checkSampling = (options: SamplingOptions): void => {
  const { temperature = 1, topK, topP = 1, repetitionPenalty = 1 } = options;
  const refuse = (name: string, wanted: string, got: unknown): never => {
    throw new RangeError(
      `${name} is ${wanted}, got ${typeof got === "string" ? JSON.stringify(got) : String(got)}`,
    );
  };
  // isFinite of a text is false
  if (!(Number.isFinite(temperature) && temperature >= 0))
    refuse("temperature", "a number from 0 up", temperature);
  if (topK !== null && topK !== undefined && !(Number.isInteger(topK) && topK >= 1))
    refuse("topK", "a whole number from 1 up, or null", topK);
  if (!(Number.isFinite(topP) && topP > 0 && topP <= 1))
    refuse("topP", "above 0 and at most 1", topP);
  if (!(Number.isFinite(repetitionPenalty) && repetitionPenalty > 0))
    refuse("repetitionPenalty", "a number above 0", repetitionPenalty);
};

const argmax = (logits: Float64Array): number => {
  let best = 0;
  for (let i = 1; i < logits.length; i += 1) if (logits[i]! > logits[best]!) best = i;
  return best;
};

/** The ids of the `count` largest values, largest first: a heap whose root is the least of those kept. */
const largest = (values: Float64Array, count: number): Int32Array => {
  const heap = Int32Array.from({ length: Math.min(count, values.length) }, (_, id) => id);
  const below = (a: number, b: number): boolean =>
    values[a]! < values[b]! || (values[a] === values[b] && a > b);
  const sink = (at: number): void => {
    const id = heap[at]!;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && below(heap[child + 1]!, heap[child]!)) child += 1;
      if (!below(heap[child]!, id)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = id;
  };
  for (let at = heap.length >> 1; at >= 0; at -= 1) sink(at);
  for (let id = heap.length; id < values.length; id += 1)
    if (values[id]! > values[heap[0]!]!) {
      heap[0] = id;
      sink(0);
    }
  return heap.sort((a, b) => (below(b, a) ? -1 : 1));
};

/** The fewest of the likeliest ids whose weights reach `mass`: looked for among ever more of them, at most `count`. */
const nucleus = (
  logits: Float64Array,
  weights: Float64Array,
  count: number,
  mass: number,
): Int32Array => {
  for (let size = Math.min(64, count); ; size = Math.min(size * 8, count)) {
    const ranked = largest(logits, size);
    let reached = 0;
    for (let i = 0; i < ranked.length; i += 1) {
      reached += weights[ranked[i]!]!;
      if (reached >= mass) return ranked.subarray(0, i + 1);
    }
    if (size === count) return ranked;
  }
};

/**
 * @param seen ids of the prompt and of what was made so far
 * @param unit in [0, 1)
 */
export const sampleToken = (
  given: ArrayLike<number>,
  seen: ReadonlySet<number>,
  unit: number,
  options: SamplingOptions,
): number => {
  const { temperature = 1, topK, topP = 1, repetitionPenalty = 1 } = options;
  const logits = Float64Array.from(given);
  if (repetitionPenalty !== 1)
    for (const id of seen) {
      const value = logits[id];
      if (value !== undefined)
        logits[id] = value > 0 ? value / repetitionPenalty : value * repetitionPenalty;
    }
  const likeliest = argmax(logits);
  if (temperature === 0) return likeliest;

  const top = logits[likeliest]!;
  const weights = logits.map((logit) => Math.exp((logit - top) / temperature));
  const massOf = (ids: Int32Array): number => ids.reduce((mass, id) => mass + weights[id]!, 0);
  const all = Int32Array.from(weights, (_, id) => id);
  const count = Math.min(topK ?? all.length, all.length);
  let kept = count < all.length ? largest(logits, count) : all;
  if (topP < 1) kept = nucleus(logits, weights, count, topP * massOf(kept));
  let left = unit * massOf(kept);
  for (const id of kept.sort()) {
    left -= weights[id]!;
    if (left < 0) return id;
  }
  return likeliest;
};
