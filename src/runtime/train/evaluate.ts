// Held-out loss. Bits per byte make tokenizers comparable: nats / (ln 2 x bytes of the text that the targets stand for).
import { FileFault } from "../../bundle/file-fault.ts";
import type { Session } from "../../bundle/engine.ts";
import type { Manifest, ProgramEntry } from "../../bundle/manifest.ts";
import type { HostTensor, Tensors } from "../../bundle/tensor.ts";
import { batchOf } from "../data/batches.ts";
import type { Windows } from "../data/windows.ts";
import type { Host } from "../host.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";

export interface Evaluation {
  /** Nats a token. */
  readonly loss: number;
  readonly perplexity: number;
  readonly bitsPerByte: number;
  readonly tokens: number;
  readonly bytes: number;
}

export const programOf = (manifest: Manifest, name: string): ProgramEntry => {
  const program = manifest.programs.find((p) => p.name === name);
  if (program !== undefined) return program;
  const names = manifest.programs.map((p) => p.name).join(", ");
  throw new FileFault("specc-manifest.json", `the bundle has no program ${name} (it has ${names})`);
};
/** [B, T] of the program's ids. */
export const idsShape = (program: ProgramEntry): readonly [number, number] => {
  const [batch = 1, sequence = 1] =
    program.inputs.find(({ name }) => name === "input_ids")?.shape ?? [];
  return [batch, sequence];
};
export const scalarOf = (tensors: Tensors, name: string): number => {
  const value = tensors[name]?.data[0];
  if (value === undefined) throw new Error(`the program gave no ${name}`);
  return value;
};
export const scalarTensor = (value: number): HostTensor => ({
  dtype: "f32",
  shape: [],
  data: Float32Array.of(value),
});

/** At most `limit` windows, spread evenly over all, the same ones each time. */
export const spread = (count: number, limit: number): readonly number[] =>
  count <= limit
    ? Array.from({ length: count }, (_, i) => i)
    : Array.from({ length: limit }, (_, i) => Math.floor(((i + 0.5) * count) / limit));

export interface EvaluateOptions {
  /** All windows by default. */
  readonly limit?: number;
  readonly signal?: AbortSignal | undefined;
}
/** Ends early, with what was seen, when the signal asks for it. */
export const evaluate = async (
  session: Session,
  manifest: Manifest,
  windows: Windows,
  tokenizer: Tokenizer,
  host: Pick<Host, "pause">,
  { limit = Infinity, signal }: EvaluateOptions = {},
): Promise<Evaluation> => {
  const [rows] = idsShape(programOf(manifest, "eval_step"));
  const chosen = spread(windows.count, limit);
  let [nats, tokens, bytes] = [0, 0, 0];
  for (let at = 0; at < chosen.length && (signal?.aborted !== true || at === 0); at += rows) {
    const batch = batchOf(windows, chosen.slice(at, at + rows), rows);
    const out = await session.run("eval_step", { ...batch });
    nats += scalarOf(out, "loss_sum");
    tokens += scalarOf(out, "count");
    for (const id of batch.targets.data) if (id >= 0) bytes += tokenizer.bytesOf(id);
    await host.pause();
  }
  const loss = tokens === 0 ? NaN : nats / tokens;
  return {
    loss,
    perplexity: Math.exp(loss),
    bitsPerByte: nats / (Math.LN2 * bytes),
    tokens,
    bytes,
  };
};
