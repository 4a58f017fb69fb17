// Expected calibration error, arXiv 1706.04599, section 2: how far confidence and accuracy lie apart, over bins of equal width
// in confidence.

/** As the paper has it. */
const BINS = 15;

export interface Calibration {
  /** @param confidence the probability of the answer; @param correct 1 or 0 */
  add(confidence: number, correct: number): void;
  /** Σ |bin| / n · |accuracy - confidence|; NaN before anything was added. */
  error(): number;
}

export const calibration = (): Calibration => {
  const bins = Array.from({ length: BINS }, () => ({ confidence: 0, correct: 0 }));
  let count = 0;
  return {
    add: (confidence, correct) => {
      // ((b - 1) / 15, b / 15] is bin b
      const bin = bins[Math.max(0, Math.min(BINS, Math.ceil(confidence * BINS)) - 1)]!;
      bin.confidence += confidence;
      bin.correct += correct;
      count += 1;
    },
    error: () =>
      count === 0
        ? NaN
        : bins.reduce((sum, b) => sum + Math.abs(b.correct - b.confidence), 0) / count,
  };
};
