// Continues sequences of tokens with the programs `prefill` and `decode_step`, whose cache has as many rows as they were built
// for. A row takes the next sequence when its own has ended, so any number of sequences fit; what a sequence becomes does not
// depend on its neighbours.
import type { DrawRules, Session } from "../../bundle/engine.ts";
import { decoderOf } from "../../bundle/kinds.ts";
import { isWeight } from "../../bundle/disk.ts";
import type { Manifest } from "../../bundle/manifest.ts";
import type { HostTensor, Tensors } from "../../bundle/tensor.ts";
import type { Host } from "../host.ts";
import { idsShape, placeOf, programOf } from "../programs.ts";
import { sampleToken, type SamplingOptions } from "./sample.ts";

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
  readonly sampling: SamplingOptions;
  /** Only ids below are drawn. */
  readonly known: number;
  /** Ids that occurred in a sequence. */
  readonly seen: (sequence: number) => ReadonlySet<number>;
  /** In [0, 1): what draws the token of a sequence `ahead` places after the next. */
  readonly unit: (sequence: number, ahead: number) => number;
  /** The next token of a sequence, and the logits [V] that it was drawn from where they are at hand; false ends it. */
  readonly take: (sequence: number, id: number, logits?: HostTensor["data"]) => boolean;
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

/**
 * One token a row where that is all there is to do, else as many of each as the prefill takes, all but the last `spared` ones of
 * a row: an engine that draws tokens starts from the token before.
 */
const planRun = (rows: readonly (Row | undefined)[], chunk: number, spared = 0): Run => {
  const filling = rows.some((row) => left(row) > 1);
  const width = filling ? chunk : 1;
  const lengths = rows.map((row) => Math.max(0, Math.min(left(row) - spared, width)));
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

/** One token more from the present run's logits, for each row that has no tokens left to give. */
const takeOne = async (
  session: Session,
  manifest: Manifest,
  rows: (Row | undefined)[],
  run: Run,
  { sampling, known, seen, unit, take }: Continuation,
): Promise<void> => {
  const { logits } = await session.run(run.program, run.inputs);
  if (logits === undefined) throw new Error(`${run.program} gave no logits`);
  const width = logits.shape.at(-1)!;
  for (const [b, row] of rows.entries()) {
    if (row === undefined) continue;
    row.held += run.lengths[b]!;
    if (left(row) > 0) continue;
    const own = logits.data.subarray(b * width, (b + 1) * width);
    if (!own.every(Number.isFinite)) throw await explain(session, manifest, run);
    const { sequence } = row;
    const id = sampleToken(own.subarray(0, known), seen(sequence), unit(sequence, 0), sampling);
    if (take(sequence, id, own)) row.tokens.push(id);
    else rows[b] = undefined;
  }
};

const rulesOf = ({ sampling, known }: Continuation): DrawRules => ({
  temperature: sampling.temperature ?? 1,
  topK: sampling.topK ?? null,
  topP: sampling.topP ?? 1,
  repetitionPenalty: sampling.repetitionPenalty ?? 1,
  known,
});

/** As many tokens as the engine draws in one go. What it draws for a row that has ended meanwhile is dropped. */
const takeSeveral = async (
  session: Session,
  manifest: Manifest,
  rows: (Row | undefined)[],
  { tokens: count, run }: NonNullable<Session["draw"]>,
  continuation: Continuation,
): Promise<void> => {
  const { seen, unit, take } = continuation;
  const { context } = decoderOf(manifest);
  const capacity = rows.length;
  const rules = rulesOf(continuation);
  const draws = {
    ids: Int32Array.from(rows, (row) => row?.tokens[row.window + row.held] ?? 0),
    positions: Int32Array.from(rows, (row) => row?.held ?? 0),
    seen: rows.map((row) =>
      row === undefined || rules.repetitionPenalty === 1 ? new Set<number>() : seen(row.sequence),
    ),
    units: new Float64Array(count * capacity),
    rules,
  };
  rows.forEach((row, b) => {
    if (row === undefined) return;
    if (rules.temperature > 0)
      for (let k = 0; k < count; k += 1) draws.units[k * capacity + b] = unit(row.sequence, k);
  });
  const { ids, finite } = await run("decode_step", draws);
  for (const [b, row] of rows.entries())
    for (let k = 0; row !== undefined && k < count; k += 1) {
      if (row.held === context) break;
      const at = k * capacity + b;
      if (finite[at] === 0) {
        const alone = rows.map((other) => (other === row ? row : undefined));
        throw await explain(session, manifest, planRun(alone, 1));
      }
      row.held += 1;
      if (!take(row.sequence, ids[at]!)) {
        rows[b] = undefined;
        break;
      }
      row.tokens.push(ids[at]!);
    }
};

/** Returns when every sequence has ended, or early when the signal asks for it. */
export const continueSequences = async (
  session: Session,
  manifest: Manifest,
  continuation: Continuation,
): Promise<void> => {
  const { sequences, pause, signal } = continuation;
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
    const { draw } = session;
    if (draw !== undefined && rows.every((row) => left(row) <= 1))
      await takeSeveral(session, manifest, rows, draw, continuation);
    else {
      const run = planRun(rows, chunk, draw === undefined ? 0 : 1);
      await takeOne(session, manifest, rows, run, continuation);
    }
    await pause();
  }
};
