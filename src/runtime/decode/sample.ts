// From logits to a token: repetition penalty, temperature, top-k, top-p, then the uniform number of this position decides.
// Ties go to the lower id. The order is that of Hugging Face's warpers.

export interface SamplingOptions {
  /** 0 takes the likeliest token. Default 1. */
  readonly temperature?: number;
  readonly topK?: number | null;
  readonly topP?: number;
  /** Above 1: tokens that occurred already become less likely. */
  readonly repetitionPenalty?: number;
}

const argmax = (logits: Float64Array): number => {
  let best = 0;
  for (let i = 1; i < logits.length; i += 1) if (logits[i]! > logits[best]!) best = i;
  return best;
};

/** @param unit in [0, 1) */
export const sampleToken = (
  given: ArrayLike<number>,
  seen: readonly number[],
  unit: number,
  options: SamplingOptions,
): number => {
  const { temperature = 1, topK, topP = 1, repetitionPenalty = 1 } = options;
  const logits = Float64Array.from(given);
  if (repetitionPenalty !== 1) {
    for (const id of new Set(seen)) {
      const value = logits[id];
      if (value !== undefined)
        logits[id] = value > 0 ? value / repetitionPenalty : value * repetitionPenalty;
    }
  }
  if (temperature <= 0) return argmax(logits);
  const ranked = Array.from(logits, (logit, id) => ({ logit: logit / temperature, id })).sort(
    (a, b) => b.logit - a.logit || a.id - b.id,
  );
  const kept = ranked.slice(0, Math.max(1, topK ?? ranked.length));
  const top = kept[0]?.logit ?? 0;
  const weights = kept.map(({ logit }) => Math.exp(logit - top));
  const total = weights.reduce((a, b) => a + b, 0);
  // The smallest set whose probability reaches topP.
  let count = 0;
  let mass = 0;
  while (count < weights.length && (count === 0 || mass < topP * total)) {
    mass += weights[count]!;
    count += 1;
  }
  let left = unit * mass;
  for (let i = 0; i < count; i += 1) {
    left -= weights[i]!;
    if (left < 0) return kept[i]!.id;
  }
  return kept[count - 1]!.id;
};
