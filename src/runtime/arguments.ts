// What programs give to a model: an option that nobody reads, or a value of another kind, is told instead of passed over.
import { suggest } from "../bundle/suggest.ts";
import type { ChatMessage, ChatOptions } from "./tokenizers/chat.ts";
import type { EvaluateOptions } from "./train/evaluate.ts";
import type { FitOptions } from "./fit.ts";
import type { GenerateOptions } from "./decode/generate.ts";

/** Every option of a call: the compiler sees to it that none is missing. */
type Known<Options> = Readonly<Record<keyof Options, true>>;

const GENERATE: Known<GenerateOptions> = {
  tokens: true, temperature: true, topK: true, topP: true, repetitionPenalty: true, seed: true, stop: true, rendered: true,
  onText: true, signal: true,
}; // prettier-ignore
const FIT: Known<FitOptions> = {
  outDir: true,
  dataRoot: true, seed: true, steps: true, resumeFrom: true, signal: true, beforeWriting: true, beforeSteps: true, onStep: true,
  onEvaluation: true, evaluationSamples: true, weights: true, source: true,
}; // prettier-ignore
const EVALUATE: Known<EvaluateOptions> = { limit: true, signal: true };
const CHAT: Known<ChatOptions> = { addGenerationPrompt: true, tools: true };

/** Said of what a caller without types has given: nothing is narrowed. */
export const isList = (value: unknown): boolean => Array.isArray(value);
const kindOf = (value: unknown): string =>
  value === null ? "null" : Array.isArray(value) ? "a list" : typeof value;

/** `options` as given by somebody whom no compiler has checked. */
export const checkOptions = (call: string, options: unknown, known: readonly string[]): void => {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null || Array.isArray(options))
    throw new TypeError(`${call}: options are an object, got ${kindOf(options)}`);
  const wrong = Object.keys(options).find((name) => !known.includes(name));
  if (wrong === undefined) return;
  const near = suggest(wrong, known);
  throw new TypeError(
    `${call}: there is no option "${wrong}"${near === undefined ? `; there are ${known.join(", ")}` : `; did you mean "${near}"?`}`,
  );
};

export const checkGenerate = (call: string, options: GenerateOptions | undefined): void =>
  checkOptions(call, options, Object.keys(GENERATE));
/** `what` says what it is for: "save: the folder". */
export const checkPath = (what: string, given: unknown): void => {
  if (typeof given !== "string" || given === "")
    throw new TypeError(`${what} is a path, got ${given === "" ? '""' : kindOf(given)}`);
};
const checkWhole = (what: string, given: unknown, least: number): void => {
  if (!(typeof given === "number" && Number.isSafeInteger(given) && given >= least))
    throw new RangeError(`${what} is a whole number from ${least} up, got ${String(given)}`);
};
export const checkFit = (options: FitOptions): void => {
  checkOptions("fit", options, Object.keys(FIT));
  const { outDir, seed, steps, resumeFrom, weights } = options ?? {};
  checkPath("fit: outDir", outDir);
  if (seed !== undefined) checkWhole("fit: seed", seed, 0);
  if (steps !== undefined) checkWhole("fit: steps", steps, 1);
  if (resumeFrom !== undefined) checkPath("fit: resumeFrom", resumeFrom);
  if (weights !== undefined) checkPath("fit: weights", weights);
  if (resumeFrom !== undefined && weights !== undefined)
    throw new TypeError("fit: a run goes on with the weights of its checkpoint, not with others");
};
export const checkEvaluate = (options: EvaluateOptions | undefined): void => {
  checkOptions("evaluate", options, Object.keys(EVALUATE));
  const limit = options?.limit ?? Infinity;
  if (!(typeof limit === "number" && limit >= 1))
    throw new RangeError(`evaluate: limit is a number from 1 up, got ${limit}`);
};

export const checkPrompts = (call: string, prompts: unknown): void => {
  if (!Array.isArray(prompts))
    throw new TypeError(`${call}: prompts are a list of strings, got ${kindOf(prompts)}`);
  const wrong = prompts.findIndex((prompt) => typeof prompt !== "string");
  if (wrong >= 0)
    throw new TypeError(`${call}: a prompt is a string, got ${kindOf(prompts[wrong])}`);
};

export const checkChat = (
  messages: readonly ChatMessage[],
  options: ChatOptions | undefined,
): void => {
  checkOptions("chatPrompt", options, Object.keys(CHAT));
  const isMessage = (x: unknown): boolean =>
    typeof x === "object" && x !== null && "role" in x && "content" in x;
  if (!Array.isArray(messages) || !messages.every(isMessage))
    throw new TypeError('chatPrompt: messages are a list of { role: "user", content: "…" }');
};
