// Text from a model: prompts become tokens, tokens are drawn and become text, until a stop text, the separator of documents or
// the length. Draws are keyed (seed, prompt, index of the token): the same call gives the same texts.
import type { Session } from "../../bundle/engine.ts";
import { decoderOf } from "../../bundle/kinds.ts";
import { FileFault } from "../../bundle/file-fault.ts";
import type { Manifest } from "../../bundle/manifest.ts";
import type { Host } from "../host.ts";
import { samplingUniforms } from "../random.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import { continueSequences } from "./continue.ts";
import { checkSampling, type SamplingOptions } from "./sample.ts";

export interface GenerateOptions extends SamplingOptions {
  /** How many to make. Default 128. */
  readonly tokens?: number;
  readonly seed?: number;
  /** Ends a text where one of these begins. The tokenizer's own ends always end it. */
  readonly stop?: readonly string[];
  /** The prompts are whole, as a chat's template makes them: the tokenizer puts nothing before them. */
  readonly rendered?: boolean;
  /** Each new part of a text, and the index of its prompt. Parts that may yet turn out to begin a stop text wait. */
  readonly onText?: (text: string, prompt: number) => void;
  readonly signal?: AbortSignal | undefined;
}
export interface Generated {
  readonly prompt: string;
  /** Without the prompt. */
  readonly text: string;
  /** All that were made, those of a stop text included. */
  readonly ids: readonly number[];
  readonly ended: "length" | "stop" | "interrupted";
}

const check = (options: GenerateOptions): void => {
  checkSampling(options);
  const { tokens = 0, stop = [], seed = 0 } = options;
  if (!Number.isInteger(tokens) || tokens < 0)
    throw new RangeError(`tokens is a whole number from 0 up, got ${tokens}`);
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new RangeError(`seed is a whole number from 0 up, got ${seed}`);
  if (!Array.isArray(stop)) throw new TypeError(`stop is a list of texts, got ${typeof stop}`);
  if (stop.includes("")) throw new RangeError("a stop text has at least one character");
};

/** The stop text that begins first, as a position. */
const stopAt = (text: string, stop: readonly string[]): number | undefined => {
  const found = stop.map((s) => text.indexOf(s)).filter((at) => at >= 0);
  return found.length === 0 ? undefined : Math.min(...found);
};

/** How much of the text no missing byte and no stop text to come can change. */
const settled = (text: string, stop: readonly string[]): number => {
  const whole = text.replace(/\ufffd+$/u, "");
  const longest = Math.max(0, ...stop.map((s) => s.length - 1));
  for (let from = Math.max(0, whole.length - longest); from < whole.length; from += 1)
    if (stop.some((s) => s.startsWith(whole.slice(from)))) return from;
  return whole.length;
};

/** One text in the making. */
interface Writer {
  readonly begin: readonly number[];
  readonly seen: ReadonlySet<number>;
  /** That draws the token `ahead` places after the next. */
  readonly unit: (ahead: number) => number;
  /** False ends the text. */
  readonly take: (id: number) => boolean;
  readonly result: () => Generated;
}
const writer = (
  prompt: string,
  index: number,
  tokenizer: Tokenizer,
  vocabSize: number,
  { tokens = 128, seed = 0, stop = [], rendered = false, onText }: GenerateOptions,
): Writer => {
  const encoded = [...(rendered ? [] : tokenizer.begin), ...tokenizer.encode(prompt)];
  // An empty prompt begins a document.
  const begin = encoded.length > 0 ? encoded : [tokenizer.separator ?? 0];
  const outside = begin.find((id) => id >= vocabSize);
  if (outside !== undefined)
    throw new FileFault(
      "tokenizer.json",
      `token id ${outside} of the prompt is outside the model's vocabulary of ${vocabSize}`,
      "use the tokenizer that the model was trained with",
    );
  const ids: number[] = [];
  const seen = new Set(begin);
  let text = "";
  let told = 0;
  let ended: Generated["ended"] = "interrupted";
  // otherwise the text is made once, at the end: making all of it anew is what a token costs here
  const watched = stop.length > 0 || onText !== undefined;
  const tell = (end: number): void => {
    if (end > told) onText?.(text.slice(told, end), index);
    told = Math.max(told, end);
  };
  const finish = (how: Generated["ended"]): false => {
    ended = how;
    return false;
  };
  const uniforms = samplingUniforms(seed, index);
  return {
    begin,
    seen,
    unit: (ahead) => uniforms(ids.length + ahead),
    take: (id) => {
      if (tokenizer.ends.includes(id)) return finish("stop");
      ids.push(id);
      seen.add(id);
      if (watched) {
        text = tokenizer.decode(ids, begin);
        const end = stopAt(text, stop);
        if (end !== undefined) {
          text = text.slice(0, end);
          return finish("stop");
        }
      }
      if (ids.length === tokens) return finish("length");
      if (watched) tell(settled(text, stop));
      return true;
    },
    result: () => {
      if (!watched) text = tokenizer.decode(ids, begin);
      tell(text.length);
      return { prompt, text, ids, ended };
    },
  };
};

/** One text for each prompt, in their order. */
export const generate = async (
  session: Session,
  manifest: Manifest,
  tokenizer: Tokenizer,
  host: Pick<Host, "pause">,
  prompts: readonly string[],
  options: GenerateOptions = {},
): Promise<readonly Generated[]> => {
  check(options);
  if (options.tokens === 0)
    return prompts.map((prompt) => ({ prompt, text: "", ids: [], ended: "length" }));
  const { vocabSize } = decoderOf(manifest);
  const writers = prompts.map((prompt, i) => writer(prompt, i, tokenizer, vocabSize, options));
  await continueSequences(session, manifest, {
    sequences: writers.map(({ begin }) => begin),
    sampling: options,
    // Rows of the head beyond the tokenizer's ids stand for no text.
    known: Math.min(tokenizer.size, vocabSize),
    seen: (sequence) => writers[sequence]!.seen,
    unit: (sequence, ahead) => writers[sequence]!.unit(ahead),
    take: (sequence, id) => writers[sequence]!.take(id),
    pause: () => host.pause(),
    signal: options.signal,
  });
  return writers.map(({ result }) => result());
};
