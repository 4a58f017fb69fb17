// The models of the benchmarks: LLaMA as published for 60M … 350M (arXiv 2506.22049, table 1), vocabulary 32 000.
export const SIZES = {
  "71m": { hidden: 512, layers: 12, heads: 8, ffn: 1368 },
  "130m": { hidden: 768, layers: 12, heads: 12, ffn: 2048 },
  "350m": { hidden: 1024, layers: 24, heads: 16, ffn: 2736 },
  cpu: { hidden: 256, layers: 4, heads: 4, ffn: 704, vocab: 256, sequence: 128 },
};
/** All numbers of one case: what the peers take as JSON. */
export const caseOf = (size, batch) => ({ vocab: 32000, sequence: 256, ...SIZES[size], batch });
