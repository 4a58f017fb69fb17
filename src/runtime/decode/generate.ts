// Text from a model: each token from the logits of the last position of a window of at most T tokens, the whole window
// computed again for each. Sampling is keyed (seed, index of the token): the same call gives the same text.
import type { Session } from "../../bundle/engine.ts";
import type { Manifest } from "../../bundle/manifest.ts";
import type { Host } from "../host.ts";
import { samplingUniform } from "../random.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import { idsShape, programOf } from "../train/evaluate.ts";
import { sampleToken, type SamplingOptions } from "./sample.ts";

export interface GenerateOptions extends SamplingOptions {
  readonly prompt?: string;
  /** How many to make. Default 128. */
  readonly tokens?: number;
  readonly seed?: number;
  /** Ends the text where one of these begins. The separator of documents always ends it. */
  readonly stop?: readonly string[];
  /** Each new part of the text. */
  readonly onText?: (text: string) => void;
  readonly signal?: AbortSignal;
}
export interface Generated {
  /** Without the prompt. */
  readonly text: string;
  readonly ids: readonly number[];
  readonly ended: "length" | "stop" | "interrupted";
}

/** Logits of the token after `ids`, [V]. */
export const nextLogits = async (
  session: Session,
  manifest: Manifest,
  ids: readonly number[],
): Promise<ArrayLike<number>> => {
  const [, sequence] = idsShape(programOf(manifest, "next_logits"));
  const window = ids.slice(-sequence);
  const data = new Int32Array(sequence);
  data.set(window);
  const out = await session.run("next_logits", {
    input_ids: { dtype: "i32", shape: [1, sequence], data },
    position: { dtype: "i32", shape: [], data: Int32Array.of(window.length - 1) },
  });
  const logits = out["logits"];
  if (logits === undefined) throw new Error("next_logits gave no logits");
  return logits.data;
};

/** The stop text that begins first, as a position. */
const stopAt = (text: string, stop: readonly string[]): number | undefined => {
  const found = stop.map((s) => text.indexOf(s)).filter((at) => at >= 0);
  return found.length === 0 ? undefined : Math.min(...found);
};

export const generate = async (
  session: Session,
  manifest: Manifest,
  tokenizer: Tokenizer,
  host: Pick<Host, "pause">,
  options: GenerateOptions = {},
): Promise<Generated> => {
  const { prompt = "", tokens = 128, seed = 0, stop = [], onText, signal } = options;
  const begin = [...tokenizer.encode(prompt)];
  // An empty prompt begins a document.
  const context = begin.length > 0 ? begin : [tokenizer.separator ?? 0];
  const ids: number[] = [];
  let told = 0;
  /** A character whose bytes are not complete yet is told later. */
  const tell = (text: string, all: boolean): void => {
    const end = all ? text.length : text.replace(/\ufffd+$/u, "").length;
    if (end > told) onText?.(text.slice(told, end));
    told = Math.max(told, end);
  };
  while (ids.length < tokens) {
    if (signal?.aborted === true) return { text: tokenizer.decode(ids), ids, ended: "interrupted" };
    const all = [...context, ...ids];
    const id = sampleToken(
      await nextLogits(session, manifest, all),
      all,
      samplingUniform(seed, ids.length),
      options,
    );
    if (id === tokenizer.separator) {
      const text = tokenizer.decode(ids);
      tell(text, true);
      return { text, ids, ended: "stop" };
    }
    ids.push(id);
    const text = tokenizer.decode(ids);
    const end = stopAt(text, stop);
    if (end !== undefined) {
      tell(text.slice(0, end), true);
      return { text: text.slice(0, end), ids, ended: "stop" };
    }
    tell(text, ids.length === tokens);
    await host.pause();
  }
  return { text: tokenizer.decode(ids), ids, ended: "length" };
};
