// Conversations from the command line: prompts that are what a user says, or files of messages.
import { resolve } from "node:path";
import type { ChatMessage } from "../runtime/index.ts";
import { CliError } from "./errors.ts";
import { readText, shownPath } from "./files.ts";
import type { Io } from "./io.ts";

export interface ChatChoice {
  /** Prompts are what a user says. */
  readonly chat?: boolean;
  readonly system?: string;
  readonly messages?: string;
}

const isObject = (x: unknown): x is Readonly<Record<string, unknown>> =>
  typeof x === "object" && x !== null && !Array.isArray(x);
const isMessage = (x: unknown): x is ChatMessage =>
  isObject(x) && typeof x["role"] === "string" && x["content"] !== undefined;

/** A list of messages, bare or under `messages`. */
const conversation = (text: string, place: string): readonly ChatMessage[] => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new CliError(`${place}: not JSON`, [], 1);
  }
  const list = isObject(json) ? json["messages"] : json;
  if (Array.isArray(list) && list.length > 0 && list.every(isMessage)) return list;
  throw new CliError(
    `${place}: not a list of messages`,
    ['a message is {"role": "user", "content": "…"}'],
    1,
  );
};

/** One conversation in a .json file, one a line in a .jsonl file; undefined when prompts are texts to continue. */
export const conversationsOf = (
  io: Io,
  { chat, system, messages }: ChatChoice,
  prompts: readonly string[],
): readonly (readonly ChatMessage[])[] | undefined => {
  if (messages !== undefined) {
    const path = resolve(io.cwd, messages);
    const shown = shownPath(io.cwd, path);
    const text = readText(path, shown);
    if (!/\.jsonl$/i.test(messages)) return [conversation(text, shown)];
    const lines = text.split(/\r?\n/);
    return lines.flatMap((line, i) =>
      line.trim() === "" ? [] : [conversation(line, `${shown}:${i + 1}`)],
    );
  }
  if (chat !== true) {
    if (system !== undefined) throw new CliError("--system is for --chat");
    return undefined;
  }
  const first = system === undefined ? [] : [{ role: "system", content: system }];
  return prompts.map((content) => [...first, { role: "user", content }]);
};
