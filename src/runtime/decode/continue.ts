// Continues sequences of tokens with the programs `prefill` and `decode_step`, whose cache has as many rows as they were built
// for. A row takes the next sequence when its own has ended, so any number of sequences fit; what a sequence becomes does not
// depend on its neighbours.
import type { Session } from "../../bundle/engine.ts";
import { decoderOf } from "../data/samples.ts";
import { isWeight } from "../../bundle/disk.ts";
import type { Manifest } from "../../bundle/manifest.ts";
import type { HostTensor, Tensors } from "../../bundle/tensor.ts";
import type { Host } from "../host.ts";
import { idsShape, programOf } from "../train/evaluate.ts";
import { placeOf } from "../train/failure.ts";

/**
 * Index of the first token that the model sees when it predicts the one after `length` tokens; positions count from it.
 * While all fit the context, it sees all. A full context drops its older half at once and fills up again, so that the cache
 * is made anew once in half a context and not for every token. This function alone decides what is seen.
 */
export const windowStart = (length: number, context: number): number => {
  const half = Math.ceil(context / 2);
  return length <= context ? 0 : Math.ceil((length - context) / half) * half;
};

/** The weights give no answer: logits are NaN or infinite. */
export class NonFiniteLogits extends Error {
  override readonly name = "NonFiniteLogits";
}

export interface Continuation {
  /** Token ids, at least one each. */
  readonly sequences: readonly (readonly number[])[];
  /** The next token of a sequence, from logits [V]; undefined ends it. */
  readonly next: (sequence: number, logits: HostTensor["data"]) => number | undefined;
  readonly pause: Host["pause"];
  readonly signal: AbortSignal | undefined;
}

/** A row of the cache at work. */
interface Row {
  readonly sequence: number;
  readonly tokens: number[];
  /** Index of the first token in the cache, and how many lie there. */
  window: number;
  held: number;
}
interface Run {
  readonly program: "prefill" | "decode_step";
  readonly inputs: Tensors;
  /** How many tokens of each row this run brings into the cache. */
  readonly lengths: readonly number[];
}

const left = (row: Row | undefined): number =>
  row === undefined ? 0 : row.tokens.length - row.window - row.held;

/** One token a row where that is all there is to do, else as many of each as the prefill takes. */
const planRun = (rows: readonly (Row | undefined)[], chunk: number): Run => {
  const filling = rows.some((row) => left(row) > 1);
  const width = filling ? chunk : 1;
  const lengths = rows.map((row) => Math.min(left(row), width));
  const ids = new Int32Array(rows.length * width);
  rows.forEach((row, b) => {
    const first = row === undefined ? 0 : row.window + row.held;
    ids.set(row?.tokens.slice(first, first + lengths[b]!) ?? [], b * width);
  });
  const vector = (data: readonly number[]): HostTensor => ({
    dtype: "i32",
    shape: [rows.length],
    data: Int32Array.from(data),
  });
  const positions = vector(rows.map((row) => row?.held ?? 0));
  return filling
    ? {
        program: "prefill",
        inputs: {
          input_ids: { dtype: "i32", shape: [rows.length, width], data: ids },
          positions,
          lengths: vector(lengths),
        },
        lengths,
      }
    : {
        program: "decode_step",
        inputs: { input_ids: { dtype: "i32", shape: [rows.length], data: ids }, positions },
        lengths,
      };
};

/** A weight that is no number, else the first result: the run can be repeated, it writes the same values to the same places. */
const explain = async (
  session: Session,
  manifest: Manifest,
  { program, inputs }: Run,
): Promise<NonFiniteLogits> => {
  const what = "the model's logits are not finite";
  for (const { name, diskName } of manifest.state.filter(isWeight)) {
    const held = await session.readState([name]);
    if (held[name]?.data.every(Number.isFinite) === false)
      return new NonFiniteLogits(`${what}; ${diskName} holds values that are not finite`);
  }
  const node = await session.firstNonFinite(program, inputs);
  const place = node === undefined ? undefined : placeOf(manifest, node);
  const first = node === undefined ? "" : `; first in ${node}`;
  return new NonFiniteLogits(`${what}${first}${place === undefined ? "" : ` (${place})`}`);
};

/** Returns when every sequence has ended, or early when the signal asks for it. */
export const continueSequences = async (
  session: Session,
  manifest: Manifest,
  { sequences, next, pause, signal }: Continuation,
): Promise<void> => {
  const { context } = decoderOf(manifest);
  const [capacity, chunk] = idsShape(programOf(manifest, "prefill"));
  const rows = Array.from({ length: capacity }, (): Row | undefined => undefined);
  let begun = 0;
  while (signal?.aborted !== true) {
    for (let b = 0; b < capacity && begun < sequences.length; b += 1)
      if (rows[b] === undefined) {
        rows[b] = { sequence: begun, tokens: [...sequences[begun]!], window: 0, held: 0 };
        begun += 1;
      }
    if (rows.every((row) => row === undefined)) return;
    for (const row of rows) {
      if (row === undefined) continue;
      const window = windowStart(row.tokens.length, context);
      if (window !== row.window) [row.window, row.held] = [window, 0];
    }
    const run = planRun(rows, chunk);
    const { logits } = await session.run(run.program, run.inputs);
    if (logits === undefined) throw new Error(`${run.program} gave no logits`);
    const width = logits.shape.at(-1)!;
    for (const [b, row] of rows.entries()) {
      if (row === undefined) continue;
      row.held += run.lengths[b]!;
      if (left(row) > 0) continue;
      const own = logits.data.subarray(b * width, (b + 1) * width);
      if (!own.every(Number.isFinite)) throw await explain(session, manifest, run);
      const id = next(row.sequence, own);
      if (id === undefined) rows[b] = undefined;
      else row.tokens.push(id);
    }
    await pause();
  }
};
