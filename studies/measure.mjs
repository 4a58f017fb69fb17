// What a trained model computes on held-out text, from the tensors that `specc forward` writes.

const meanOf = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;

/** Variance of all numbers of each block's state [B, T, D]: `hidden.0` is the embedding. */
export const activationVariance = (tensors) => {
  const variance = ({ data }) => {
    const mean = meanOf(data);
    return data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / data.length;
  };
  const layers = Object.keys(tensors).filter((name) => /^hidden\.\d+$/.test(name)).length;
  return {
    variance: Array.from({ length: layers }, (_, l) => variance(tensors[`hidden.${l}`])),
  };
};

/** Mean cross-entropy of logits [B, T, V] at the token that follows each position but the last of a row. */
const crossEntropy = ({ shape: [rows, positions, width], data }, ids) => {
  let sum = 0;
  for (let row = 0; row < rows; row++)
    for (let t = 0; t + 1 < positions; t++) {
      const at = row * positions + t;
      const logits = data.subarray(at * width, (at + 1) * width);
      const top = logits.reduce((a, b) => Math.max(a, b));
      const total = logits.reduce((a, x) => a + Math.exp(x - top), 0);
      sum += top + Math.log(total) - logits[ids[at + 1]];
    }
  return sum / (rows * (positions - 1));
};

/** The likeliest token at each position. */
const choices = ({ shape: [rows, positions, width], data }) =>
  Array.from({ length: rows * positions }, (_, at) => {
    let best = at * width;
    for (let i = best; i < (at + 1) * width; i++) if (data[i] > data[best]) best = i;
    return best - at * width;
  });

/** The loss of each head and of their answer on the same text, and how often two heads name different tokens. */
export const headLosses = (tensors, ids) => {
  const heads = Object.keys(tensors)
    .filter((name) => name.startsWith("logits."))
    .map((name) => tensors[name]);
  if (heads.length === 0) return {};
  const named = heads.map(choices);
  const pairs = named.flatMap((a, i) => named.slice(i + 1).map((b) => [a, b]));
  return {
    answer: crossEntropy(tensors.logits, ids),
    heads: heads.map((head) => crossEntropy(head, ids)),
    disagreement: meanOf(pairs.map(([a, b]) => meanOf(a.map((x, i) => (x === b[i] ? 0 : 1))))),
  };
};
