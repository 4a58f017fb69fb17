// Whether two Specs compute the same: what only the start of a training needs (names, initial values) left out, and different
// words for one thing (`mqa` for one key-value head) made equal first. What differs is told by its path.
import { isVariant } from "../semantics/spec-values.ts";
import type { DecoderSpec, Variant } from "../semantics/spec.ts";

/** Of a start, not of a model. */
const STARTS: ReadonlySet<string> = new Set(["name", "doc", "init"]);

/** All kinds of softmax attention as grouped queries with the width of a head. */
const attention = (spec: Variant, hidden: number): Variant => {
  if (!["mha", "gqa", "mqa"].includes(spec.is)) return spec;
  const heads = spec["heads"] ?? null;
  const kv = spec.is === "mqa" ? 1 : (spec["kv"] ?? heads);
  const head_dim = spec["head_dim"] ?? (typeof heads === "number" ? hidden / heads : null);
  return { ...spec, is: "gqa", heads, kv, head_dim };
};
/** What balances experts in training is no part of what they compute, but for the biases of their choice. */
const experts = (spec: Variant): Variant => {
  const { balance } = spec;
  if (balance === undefined) return spec;
  const terms = Array.isArray(balance) ? balance.filter(isVariant) : [];
  const bias = terms.some(({ is }) => is === "bias");
  return { ...spec, z_loss: null, balance: bias ? [{ is: "bias" }] : null };
};
/** DeepNorm's smaller start. */
const norm = (spec: Variant): Variant => (spec.is === "deepnorm" ? { ...spec, beta: null } : spec);
const canonical = (model: DecoderSpec): DecoderSpec => ({
  ...model,
  blocks: model.blocks.map((block) => ({
    ...block,
    attention: attention(block.attention, model.hidden_size),
    norm: norm(block.norm),
    ffn: experts(block.ffn),
  })),
});

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;
const told = (value: unknown): string => {
  if (Array.isArray(value) && value.every(isRecord)) return value.map(told).join(" and ");
  if (value === undefined || value === null) return "none";
  return isRecord(value) && typeof value["is"] === "string" ? value["is"] : JSON.stringify(value);
};

export interface Difference {
  /** A sentence. */
  readonly text: string;
  /** How far apart it makes two models. */
  readonly weight: number;
}
/** Another kind of part is further away than another number of it, the more so the more hangs on it. */
const weigh = (isKind: boolean, path: string): number =>
  isKind ? 8 / path.replace(/^blocks\.\d+\./, "").split(".").length : 1;

function* compare(a: unknown, b: unknown, path: string): Generator<Difference> {
  const [kinds, others] = [a, b].map((one) => (isRecord(one) ? one["is"] : undefined));
  if (isRecord(a) && isRecord(b) && kinds === others) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
      if (!STARTS.has(key)) yield* compare(a[key], b[key], path === "" ? key : `${path}.${key}`);
  } else if ((a ?? null) !== (b ?? null)) {
    const weight = weigh(kinds !== undefined || others !== undefined, path);
    yield { text: `${path} is ${told(a)}, not ${told(b)}`, weight };
  }
}

/** How `model` differs from `other`; equal layers are told once. */
export const differences = (model: DecoderSpec, other: DecoderSpec): readonly Difference[] => {
  const seen = new Map<string, Difference>();
  for (const found of compare(canonical(model), canonical(other), "")) {
    const key = found.text.replace(/^blocks\.\d+\./, "blocks.");
    if (!seen.has(key)) seen.set(key, found);
  }
  return [...seen.values()];
};
