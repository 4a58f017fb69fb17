// Held-out loss and what else the evaluation program sums. Bits per byte make tokenizers comparable: nats / (ln 2 x bytes of the
// text that the targets stand for).
import type { Session } from "../../bundle/engine.ts";
import type { Manifest } from "../../bundle/manifest.ts";
import type { HeldOut } from "../data/index.ts";
import type { Host } from "../host.ts";
import { programOf, scalarOf } from "../programs.ts";
import { calibration } from "./calibration.ts";

interface Measured {
  /** Nats a target. */
  readonly loss: number;
  /** Sequences or images looked at, of so many that are held out: a limit spreads them evenly over all. */
  readonly samples: number;
  readonly heldOut: number;
  /**
   * Further means over the targets by name: "accuracy", "disagreement", "heads/0/loss"; and "calibration_error", where the
   * program tells how sure it is of each answer.
   */
  readonly measures: Readonly<Record<string, number>>;
}
export interface TextEvaluation extends Measured {
  readonly kind: "text";
  readonly perplexity: number;
  readonly bitsPerByte: number;
  readonly tokens: number;
  readonly bytes: number;
}
export interface ImageEvaluation extends Measured {
  readonly kind: "images";
  readonly images: number;
}
export type Evaluation = TextEvaluation | ImageEvaluation;

/** At most `limit` samples, spread evenly over all, the same ones each time. */
const spread = (count: number, limit: number): readonly number[] =>
  count <= limit
    ? Array.from({ length: count }, (_, i) => i)
    : Array.from({ length: limit }, (_, i) => Math.floor(((i + 0.5) * count) / limit));

export interface EvaluateOptions {
  /** All samples by default. */
  readonly limit?: number;
  readonly signal?: AbortSignal | undefined;
}

const SUM = "sums/";

/** Ends early, with what was seen, when the signal asks for it. */
export const evaluate = async (
  session: Session,
  manifest: Manifest,
  held: HeldOut,
  host: Pick<Host, "pause">,
  { limit = Infinity, signal }: EvaluateOptions = {},
): Promise<Evaluation> => {
  const rows = programOf(manifest, "eval_step").inputs[0]?.shape[0] ?? 1;
  const chosen = spread(held.samples.count, limit);
  const sums = new Map<string, number>();
  const sure = calibration();
  let [nats, count, bytes, samples] = [0, 0, 0, 0];
  for (let at = 0; at < chosen.length && (signal?.aborted !== true || at === 0); at += rows) {
    const picked = chosen.slice(at, at + rows).map((index) => ({ index }));
    const batch = held.samples.batch(picked, rows);
    const out = await session.run("eval_step", { ...batch });
    samples += picked.length;
    nats += scalarOf(out, "loss_sum");
    count += scalarOf(out, "count");
    for (const name of Object.keys(out).filter((key) => key.startsWith(SUM)))
      sums.set(name, (sums.get(name) ?? 0) + scalarOf(out, name));
    const [confidence, correct] = [out["each/confidence"], out["each/correct"]];
    for (const [i, target] of batch.targets.data.entries()) {
      if (target < 0) continue;
      if (held.kind === "text") bytes += held.tokenizer.bytesOf(target);
      if (confidence && correct) sure.add(confidence.data[i]!, correct.data[i]!);
    }
    await host.pause();
  }
  const loss = count === 0 ? NaN : nats / count;
  const error = sure.error();
  const measures = {
    ...Object.fromEntries([...sums].map(([name, sum]) => [name.slice(SUM.length), sum / count])),
    ...(Number.isNaN(error) ? {} : { calibration_error: error }),
  };
  const seen = { loss, samples, heldOut: held.samples.count };
  if (held.kind === "images") return { kind: "images", ...seen, images: count, measures };
  const bitsPerByte = nats / (Math.LN2 * bytes);
  return {
    ...{ kind: "text", ...seen, perplexity: Math.exp(loss), bitsPerByte, tokens: count, bytes },
    measures,
  };
};
