// Values for the samples of op rows: drawn from a fixed generator, kept away from kinks where the row asks for it.
import { InternalError } from "../diagnostics/types.ts";
import { createBuilder, rowOf } from "./builder.ts";
import { toType } from "./ops/row.ts";
import { count, unnamed } from "./shape.ts";
import type { Dim, DType, Graph, Node, OpName, TensorType } from "./types.ts";

/** "f32[b=2, d=3]" or "f32[2,3]". */
export const parseType = (text: string): TensorType => {
  const match = /^(f32|bf16|i32|bool)\[([^\]]*)\]$/.exec(text.trim());
  if (match === null) throw new InternalError(`not a tensor type: ${text}`);
  const shape = (match[2] ?? "")
    .split(",")
    .filter((s) => s.trim() !== "")
    .map((part): Dim => {
      const [left, right] = part.split("=").map((s) => s.trim());
      return right === undefined
        ? unnamed(Number(left))
        : { name: left ?? "", size: Number(right) };
    });
  return { dtype: match[1] as DType, shape };
};

/** A small multiplicative generator (Park and Miller): samples need variety, not quality. */
const generator = (seed: number): (() => number) => {
  let state = (seed * 7919 + 12345) % 2147483647;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
};

/** `any` (-1.5 … 1.5), `positive` (0.3 … 2), `apart` (distinct, away from 0), `grid` (few values, so that some are equal), `bool`, `ids<N`, `halves` (the last axis repeats after its middle). */
const draw = (kind: string, type: TensorType, random: () => number): Float64Array => {
  const n = count(type);
  const ids = /^ids<(\d+)$/.exec(kind);
  if (ids !== null) return new Float64Array(n).map(() => Math.floor(random() * Number(ids[1])));
  switch (kind) {
    case "any":
      return new Float64Array(n).map(() => random() * 3 - 1.5);
    case "positive":
      return new Float64Array(n).map(() => 0.3 + random() * 1.7);
    case "apart":
      return new Float64Array(n).map(
        (_v, i) => ((i % 2) * 2 - 1) * (0.2 + (((i * 7) % 11) + random() * 0.5) / 10),
      );
    case "grid":
      return new Float64Array(n).map(() => Math.floor(random() * 3));
    case "bool":
      return new Float64Array(n).map(() => (random() < 0.5 ? 0 : 1));
    case "halves": {
      const d = type.shape.at(-1)!.size;
      const values = new Float64Array(n).map(() => random() * 2 - 1);
      return values.map((_v, i) => values[i % d < d / 2 ? i : i - d / 2]!);
    }
    default:
      throw new InternalError(`no such kind of sample values: ${kind}`);
  }
};

const held = ({ dtype }: TensorType): DType => (dtype === "bf16" ? "f32" : dtype);

export interface SampleCase {
  readonly name: string;
  /** One output "y", inputs "0", "1", …; bf16 operands and results stand as f32 at the edges. */
  readonly graph: Graph;
  readonly node: Node;
  readonly values: Readonly<Record<string, Float64Array>>;
}

/** The samples of a row as one-op programs with values. Inputs and state have none: they are the programs' edges. */
export const sampleCases = (op: OpName): SampleCase[] =>
  rowOf(op).samples.map((sample, n) => {
    const b = createBuilder();
    const random = generator(n + 1);
    const values: Record<string, Float64Array> = {};
    const inputs = sample.inputs.map((text, i) => {
      const type = parseType(text);
      values[String(i)] = draw(sample.values?.[i] ?? "any", type, random);
      return b.emit("input", [], { name: String(i), dtype: held(type), shape: type.shape });
    });
    const operands = inputs.map((x, i) => toType(b, x, parseType(sample.inputs[i]!).dtype));
    const node = b.emit<OpName>(op, operands, sample.attrs);
    const y = toType(b, node, held(node.type));
    return {
      name: `${op}(${sample.inputs.join(", ")}) ${JSON.stringify(sample.attrs)}`,
      graph: { name: op, inputs, outputs: [{ name: "y", node: y }], updates: [] },
      node,
      values,
    };
  });
