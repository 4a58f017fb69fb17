// How a model wants its text to be drawn: generation_config.json beside its weights, in the words of transformers. What the
// caller says goes first.
import { FileFault } from "../../bundle/file-fault.ts";
import { joinPath } from "../host.ts";
import { readObject, type Beside } from "../tokenizers/beside.ts";
import type { Json } from "../tokenizers/file.ts";
import type { GenerateOptions } from "./generate.ts";
import type { SamplingOptions } from "./sample.ts";

export interface GenerationDefaults {
  /** Absent: the file says nothing of it. */
  readonly options: SamplingOptions & Pick<GenerateOptions, "tokens">;
  /** Keys that would change the text, and that have no counterpart here. */
  readonly unused: readonly string[];
}

export const NO_DEFAULTS: GenerationDefaults = { options: {}, unused: [] };
const FILE = "generation_config.json";
/** What transformers does where `do_sample` is on and the file names no number: GenerationConfig. */
const SAMPLED: SamplingOptions = { temperature: 1, topK: 50 };

/** Keys of other ways to draw, and the values with which they do nothing. */
const OTHERS: Readonly<Record<string, readonly unknown[]>> = {
  num_beams: [1],
  num_beam_groups: [1],
  penalty_alpha: [0],
  min_p: [0],
  typical_p: [1],
  epsilon_cutoff: [0],
  eta_cutoff: [0],
  no_repeat_ngram_size: [0],
  encoder_repetition_penalty: [1],
  bad_words_ids: [],
  suppress_tokens: [],
  begin_suppress_tokens: [],
  forced_bos_token_id: [],
  forced_eos_token_id: [],
  min_length: [0],
  min_new_tokens: [0],
};
const isSet = (value: unknown): boolean => value !== undefined && value !== null;

export const readGenerationDefaults = async (beside: Beside): Promise<GenerationDefaults> => {
  const json = await readObject(beside, FILE);
  const fault = (key: string, wanted: string): FileFault =>
    new FileFault(
      joinPath(beside.where, FILE),
      `${key} is ${JSON.stringify(json[key])}, not ${wanted}`,
    );
  const number = (
    key: string,
    wanted: string,
    fits: (x: number) => boolean,
  ): number | undefined => {
    const value = json[key];
    if (!isSet(value)) return undefined;
    if (typeof value === "number" && fits(value)) return value;
    throw fault(key, wanted);
  };
  const { do_sample: sampled } = json;
  if (isSet(sampled) && typeof sampled !== "boolean") throw fault("do_sample", "true or false");
  const temperature = number("temperature", "a number from 0 up", (x) => x >= 0);
  const topK = number("top_k", "a whole number from 0 up", (x) => Number.isInteger(x) && x >= 0);
  const topP = number("top_p", "a number above 0, at most 1", (x) => x > 0 && x <= 1);
  const penalty = number("repetition_penalty", "a number above 0", (x) => x > 0);
  const tokens = number(
    "max_new_tokens",
    "a whole number from 1 up",
    (x) => Number.isInteger(x) && x >= 1,
  );
  return {
    options: {
      ...(sampled === true && SAMPLED),
      ...(temperature !== undefined && { temperature }),
      // 0 is how transformers says that there is no limit
      ...(topK !== undefined && { topK: topK === 0 ? null : topK }),
      ...(topP !== undefined && { topP }),
      // greedy, whatever numbers stand beside it
      ...(sampled === false && { temperature: 0 }),
      ...(penalty !== undefined && { repetitionPenalty: penalty }),
      ...(tokens !== undefined && { tokens }),
    },
    unused: unusedOf(json),
  };
};

const unusedOf = (json: Json): readonly string[] =>
  Object.keys(OTHERS).filter((key) => {
    const value = json[key];
    const isEmpty = Array.isArray(value) && value.length === 0;
    return isSet(value) && !isEmpty && OTHERS[key]?.includes(value) !== true;
  });

const given = <T extends object>(options: T): Partial<T> =>
  Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Partial<T>;

/** What is given before what the file says; whoever asks for a way to draw does not want the likeliest token each time. */
export const withDefaults = (
  wanted: GenerateOptions,
  { options }: GenerationDefaults,
): GenerateOptions => {
  const draws = wanted.topK !== undefined || wanted.topP !== undefined;
  const { temperature, ...rest } = options;
  const keeps = temperature !== undefined && !(draws && temperature === 0);
  return { ...rest, ...(keeps && { temperature }), ...given(wanted) };
};
