// The programs that continue sequences: `prefill` takes up to T tokens of each row, `decode_step` one. Both run the same decoder
// from where a row's cache ends, so that a long prompt goes in by parts (chunked prefill, arXiv 2308.16369) and rows of
// different lengths share a run: what stands behind a row's last real token is overwritten before anything looks at it.
import type { ProgramName } from "../../bundle/manifest.ts";
import { createBuilder } from "../ir/builder.ts";
import { toType } from "../ir/ops/row.ts";
import type { Dim, Node } from "../ir/types.ts";
import type { PrecisionPolicy } from "../passes/precision.ts";
import type { DecoderSpec } from "../semantics/spec.ts";
import { cacheEntries, createCaches } from "./cache.ts";
import { createStage } from "./kinds.ts";
import { add, dim, gather, iota, maximum, mul, reshape, scalar, sub } from "./ops.ts";
import { createParameters } from "./parameters.ts";
import { convert } from "./precision.ts";
import type { Method, Stage } from "./sites.ts";
import { decoder } from "./transformer.ts";
import type { Built } from "./types.ts";

export interface GenerationBinding {
  /** Sequences at once: rows of the cache. */
  readonly batch: number;
  /** Tokens of each that one run of `prefill` takes. */
  readonly chunk: number;
}

/** Wide enough for the products of a part to be fast on a processor, and little work wasted on a short prompt. */
const CHUNK = 32;
export const generationBinding = (
  model: DecoderSpec,
  { batch = 1, chunk = CHUNK }: Partial<GenerationBinding> = {},
): GenerationBinding => ({ batch, chunk: Math.min(chunk, model.context) });

/** Of states [B, T, D] the one at each row's last token, [B, 1, D]; a row without tokens gives its first. */
const lastOf = ({ b }: Stage, x: Node, lengths: Node): Node => {
  const [B, T, D] = x.type.shape as readonly [Dim, Dim, Dim];
  const own = maximum(b, sub(b, lengths, scalar(b, 1, "i32")), scalar(b, 0, "i32"));
  const first = mul(b, iota(b, "i32", [B], 0), scalar(b, T.size, "i32"));
  const rows = reshape(b, x, [dim("", B.size * T.size), D]);
  return reshape(b, gather(b, rows, add(b, first, own)), [B, dim("", 1), D]);
};

export interface GenerationOptions {
  readonly methods: readonly Method[];
  /** undefined: f32 throughout. */
  readonly policy: PrecisionPolicy | undefined;
  readonly binding: GenerationBinding;
  readonly spanOf?: Stage["spanOf"];
}
export const generationProgram = (
  name: Extract<ProgramName, "prefill" | "decode_step">,
  model: DecoderSpec,
  { methods, policy, binding: { batch, chunk }, spanOf }: GenerationOptions,
): Built => {
  const b = createBuilder();
  const [B, C] = [dim("batch", batch), dim("context", model.context)];
  const T = dim("seq", name === "prefill" ? chunk : 1);
  const input = (key: string, shape: readonly Dim[]): Node<"input"> =>
    b.emit("input", [], { name: key, dtype: "i32", shape });
  const ids = input("input_ids", name === "prefill" ? [B, T] : [B]);
  const positions = input("positions", [B]);
  const lengths = name === "prefill" ? input("lengths", [B]) : undefined;
  const cache = createCaches(b, positions, T, C);
  const stage = createStage(b, createParameters(b), methods, {
    cache,
    ...(spanOf === undefined ? {} : { spanOf }),
  });
  const made = decoder(stage, model, reshape(b, ids, [B, T]), (x) =>
    lengths === undefined ? x : lastOf(stage, x, lengths),
  );
  const updates = cache.updates();
  const low = convert(b, [made.logits, ...updates.map((u) => u.node)], policy);
  const logits = toType(b, low(made.logits), "f32");
  const kept = updates.map((u) => ({ ...u, node: low(u.node) }));
  return {
    graph: {
      name,
      inputs: lengths === undefined ? [ids, positions] : [ids, positions, lengths],
      outputs: [{ name: "logits", node: reshape(b, logits, [B, logits.type.shape.at(-1)!]) }],
      updates: kept,
    },
    scalars: {},
    own: cacheEntries(kept),
  };
};
