// Attention in plain float64 loops, query by query over the keys it sees: what attention.ts expands into is compared with this.
// Of bf16 operands P and dS are rounded where a product reads them, as there.
// Legend: as in attention.ts.
import { toBf16 } from "../bf16.ts";
import { count, sizes } from "../shape.ts";
import type { Node } from "../types.ts";
import { logSumExp } from "./loops.ts";

type Attention = Node<"attention" | "attentionStats" | "attentionGrad">;
type Four = [number, number, number, number];

/** One query and the keys it sees. */
interface Query {
  /** Its place in [B, H, T]. */
  readonly row: number;
  /** Places in [B, K, S]. */
  readonly keys: readonly number[];
  /** q · k · scale, capped. */
  readonly capped: readonly number[];
  /** And sloped. */
  readonly scores: Float64Array;
}

const queriesOf = (node: Attention, values: readonly Float64Array[]): readonly Query[] => {
  const { attrs } = node;
  const [B, H, T, d] = sizes(node.inputs[0].type) as Four;
  const [, K, S] = sizes(node.inputs[1].type) as Four;
  const [q, k] = values as readonly [Float64Array, Float64Array];
  const named = attrs.operands ?? [];
  const operand = (name: (typeof named)[number]): Float64Array | undefined =>
    named.includes(name) ? values[values.length - named.length + named.indexOf(name)] : undefined;
  const [positions, lengths] = [operand("positions"), operand("keyLengths")];
  const queries: Query[] = [];
  for (let b = 0; b < B; b++)
    for (let h = 0; h < H; h++)
      for (let t = 0; t < T; t++) {
        const row = (b * H + h) * T + t;
        const own = positions?.[b * T + t] ?? S - T + t;
        const first = (b * K + Math.floor((h * K) / H)) * S;
        const keys: number[] = [];
        const capped: number[] = [];
        const scores: number[] = [];
        for (let s = 0; s < S; s++) {
          if (attrs.causal && s > own) continue;
          if (attrs.window !== undefined && s <= own - attrs.window) continue;
          if (lengths !== undefined && s >= lengths[b]!) continue;
          let dot = 0;
          for (let i = 0; i < d; i++) dot += q[row * d + i]! * k[(first + s) * d + i]!;
          const cap = attrs.softcap;
          const score =
            cap === undefined ? dot * attrs.scale : cap * Math.tanh((dot * attrs.scale) / cap);
          keys.push(first + s);
          capped.push(score);
          scores.push(score - (attrs.slopes?.[h] ?? 0) * (own - s));
        }
        queries.push({ row, keys, capped, scores: Float64Array.from(scores) });
      }
  return queries;
};

const rounding = ({ inputs: [, , v] }: Attention): ((x: number) => number) =>
  v.type.dtype === "bf16" ? toBf16 : (x) => x;

/** out[row] += factor · x[from], of so many numbers. */
const addRow = (
  out: Float64Array,
  row: number,
  x: Float64Array,
  from: number,
  width: number,
  factor: number,
): void => {
  for (let i = 0; i < width; i++) out[row * width + i]! += factor * x[from * width + i]!;
};

export const attentionLoops = (
  values: readonly Float64Array[],
  node: Node<"attention">,
): Float64Array => {
  const v = values[2]!;
  const e = node.type.shape[3]!.size;
  const round = rounding(node);
  const out = new Float64Array(count(node.type));
  for (const { row, keys, scores } of queriesOf(node, values)) {
    const all = logSumExp(scores);
    keys.forEach((key, j) => addRow(out, row, v, key, e, round(Math.exp(scores[j]! - all))));
  }
  return out;
};

export const statsLoops = (
  values: readonly Float64Array[],
  node: Node<"attentionStats">,
): Float64Array =>
  Float64Array.from(queriesOf(node, values), ({ scores }) =>
    scores.length === 0 ? -1e9 : logSumExp(scores),
  );

export const gradLoops = (
  values: readonly Float64Array[],
  node: Node<"attentionGrad">,
): Float64Array => {
  const [q, k, v, out, stats, dy] = values as readonly [
    ...[Float64Array, Float64Array, Float64Array],
    ...[Float64Array, Float64Array, Float64Array],
  ];
  const { of, scale, softcap } = node.attrs;
  const d = node.inputs[0].type.shape[3]!.size;
  const e = node.inputs[2].type.shape[3]!.size;
  const round = rounding(node);
  const grad = new Float64Array(count(node.type));
  for (const { row, keys, capped, scores } of queriesOf(node, values)) {
    let delta = 0;
    for (let i = 0; i < e; i++) delta += dy[row * e + i]! * out[row * e + i]!;
    keys.forEach((key, j) => {
      const p = round(Math.exp(scores[j]! - stats[row]!));
      if (of === "v") {
        addRow(grad, key, dy, row, e, p);
        return;
      }
      let dp = 0;
      for (let i = 0; i < e; i++) dp += dy[row * e + i]! * v[key * e + i]!;
      const bend = softcap === undefined ? 1 : 1 - (capped[j]! / softcap) ** 2;
      const ds = round(p * (dp - delta) * scale * bend);
      if (of === "q") addRow(grad, row, k, key, d, ds);
      else addRow(grad, key, q, row, d, ds);
    });
  }
  return grad;
};
