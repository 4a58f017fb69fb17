// `specc generate`: continues prompts. The texts go to standard output, the first one as it is made; with --json all at the end.
import { resolve } from "node:path";
import {
  NonFiniteLogits,
  withDefaults,
  type Generated,
  type GenerationDefaults,
  type SamplingOptions,
} from "../../runtime/index.ts";
import { conversationsOf, type ChatChoice } from "../conversations.ts";
import { CliError } from "../errors.ts";
import { readText, shownPath } from "../files.ts";
import { interruptible, type Io } from "../io.ts";
import type { ChoiceOptions } from "../options.ts";
import { needWeights, openTarget, withModel, type EngineName } from "../runtime.ts";

export interface GenerateOptions extends ChoiceOptions, ChatChoice {
  readonly weights?: string;
  readonly prompt?: readonly string[];
  readonly promptFile?: string;
  readonly maxNewTokens?: number;
  readonly temperature?: number;
  readonly greedy?: boolean;
  readonly topK?: number;
  readonly topP?: number;
  readonly repetitionPenalty?: number;
  readonly stop?: readonly string[];
  readonly seed: number;
  readonly engine: EngineName;
  readonly json?: boolean;
}

/** Sequences of a program that is compiled for the call: more would take memory and gain little. */
const MOST_AT_ONCE = 16;

/**
 * A prompt a line; in a .jsonl file each line is a JSON string, so that a prompt may have lines of its own, or be empty. Blank
 * lines part prompts for people and are none.
 */
const readPrompts = (io: Io, file: string): readonly string[] => {
  const path = resolve(io.cwd, file);
  const shown = shownPath(io.cwd, path);
  const lines = readText(path, shown)
    .split(/\r?\n/)
    .map((line, i) => ({ line, i }))
    .filter(({ line }) => line.trim() !== "");
  if (lines.length === 0) throw new CliError(`${shown} holds no prompts`, [], 1);
  if (!/\.jsonl$/i.test(file)) return lines.map(({ line }) => line);
  return lines.map(({ line, i }) => {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      // told below
    }
    if (typeof value === "string") return value;
    throw new CliError(
      `${shown}:${i + 1}: not a JSON string`,
      ['each line of a .jsonl file is one prompt in double quotes, as in "Once upon a time"'],
      1,
    );
  });
};

/** The likeliest token is one of whatever is left to draw from. */
const refuseIdle = ({ temperature, topK, topP }: GenerateOptions): void => {
  const idle = topK !== undefined ? "top-k" : topP !== undefined ? "top-p" : undefined;
  if (temperature === 0 && idle !== undefined)
    throw new CliError(`--${idle} changes nothing at --temperature 0, which takes the likeliest`, [
      `leave --${idle} away, or give a temperature above 0`,
    ]);
};

const promptsOf = async (io: Io, options: GenerateOptions): Promise<readonly string[]> => {
  const { prompt = [], promptFile } = options;
  if (options.messages !== undefined) return [];
  if (prompt.length === 0 && promptFile === undefined)
    throw new CliError("nothing to continue", ["give --prompt <text> or --prompt-file <file>"]);
  if (prompt.filter((text) => text === "-").length > 1)
    throw new CliError("standard input can be one prompt only");
  const given: string[] = [];
  for (const text of prompt) given.push(text === "-" ? await io.stdin() : text);
  return promptFile === undefined ? given : [...given, ...readPrompts(io, promptFile)];
};

/** Texts in the order of their prompts, an empty line between: the one whose turn it is as it grows, those after it when it has ended. */
const inOrder = (io: Io, prompts: readonly string[]) => {
  const waiting = prompts.map(() => "");
  let turn = 0;
  return {
    begin: (): void => io.out(prompts[0] ?? ""),
    onText: (text: string, prompt: number): void => {
      if (prompt === turn) io.out(text);
      else waiting[prompt]! += text;
    },
    onEnd: ({ length }: readonly Generated[]): void => {
      for (turn += 1; turn < length; turn += 1) io.out(`\n\n${prompts[turn]!}${waiting[turn]!}`);
      io.out("\n");
    },
  };
};

/** Where neither the command nor the model's own file says anything. */
const USUAL = { tokens: 100, temperature: 0.8 } as const;

const drawingOf = (options: GenerateOptions, defaults: GenerationDefaults) => {
  const { maxNewTokens, temperature, greedy, topK, topP, repetitionPenalty } = options;
  const wanted = {
    tokens: maxNewTokens,
    temperature: greedy === true ? 0 : temperature,
    topK,
    topP,
    repetitionPenalty,
  };
  const given = Object.entries(wanted).filter(([, value]) => value !== undefined);
  return { ...USUAL, ...withDefaults(Object.fromEntries(given), defaults) };
};

/** What of a text's drawing comes from the model's own file, and what of that file has no meaning here. */
const tellDefaults = (io: Io, { options, unused }: GenerationDefaults): void => {
  const words: Readonly<Record<keyof typeof options, string>> = {
    temperature: "temperature",
    topK: "top-k",
    topP: "top-p",
    repetitionPenalty: "repetition penalty",
    tokens: "tokens",
  };
  const said = (Object.keys(words) as (keyof SamplingOptions)[]).flatMap((key) =>
    options[key] === undefined ? [] : [`${words[key]} ${options[key] ?? "none"}`],
  );
  if (said.length > 0)
    io.err(`generation_config.json: ${said.join(", ")}, unless an option says otherwise\n`);
  if (unused.length > 0) io.err(`generation_config.json: no use is made of ${unused.join(", ")}\n`);
};

export const generate = async (
  io: Io,
  version: string,
  name: string,
  options: GenerateOptions,
): Promise<number> => {
  refuseIdle(options);
  const given = await promptsOf(io, options);
  const chats = conversationsOf(io, options, given);
  const { bundle, host, folder, compilation } = await openTarget(io, version, name, options, {
    recipe: false,
    tokens: true,
    build: {
      programs: ["prefill", "decode_step"],
      generation: { batch: Math.min((chats ?? given).length, MOST_AT_ONCE) },
    },
  });
  const weights = needWeights(io, options.weights, folder, name);
  const settled = compilation === undefined ? ({ command: "generate", name } as const) : undefined;
  try {
    return await withModel(io, { bundle, host, weights, settled }, options, async (model) => {
      const interrupt = interruptible(io);
      const prompts =
        chats === undefined
          ? given
          : await Promise.all(chats.map((chat) => model.chatPrompt(chat)));
      // Of a conversation the answer alone is shown.
      const shown = chats === undefined ? given : chats.map(() => "");
      const writer = options.json === true ? undefined : inOrder(io, shown);
      const defaults = await model.generationDefaults();
      if (options.quiet !== true) tellDefaults(io, defaults);
      const drawing = drawingOf(options, defaults);
      await model.tokenizer(); // whatever is wrong with it is told before a text begins
      writer?.begin();
      const completions = await model
        .complete(prompts, {
          ...drawing,
          stop: options.stop ?? [],
          seed: options.seed,
          rendered: chats !== undefined,
          signal: interrupt.signal,
          ...(writer === undefined ? {} : { onText: writer.onText }),
        })
        .finally(interrupt.done);
      if (writer === undefined)
        io.out(
          `${JSON.stringify({ formatVersion: "1.0", engine: model.engine, drawing, completions }, null, 2)}\n`,
        );
      else writer.onEnd(completions);
      return interrupt.code();
    });
  } catch (error) {
    if (error instanceof NonFiniteLogits)
      throw new CliError(
        error.message,
        [`the weights in ${shownPath(io.cwd, weights)} are unusable`],
        1,
      );
    throw error;
  }
};
