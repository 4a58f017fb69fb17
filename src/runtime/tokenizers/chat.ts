// Chats as prompts: the Jinja template that comes with a tokenizer, rendered as transformers' apply_chat_template does.
import { FileFault } from "../../bundle/file-fault.ts";
import { joinPath } from "../host.ts";
import { readObject, type Beside } from "./beside.ts";
import { isObject, listOf, type Json } from "./file.ts";

export interface ChatMessage {
  readonly role: string;
  readonly content: unknown;
  /** What a template may know besides: tool_calls, name. */
  readonly [key: string]: unknown;
}
export interface ChatTemplate {
  /** For messages. */
  readonly file: string;
  readonly source: string;
  /** bos_token, eos_token and their like. */
  readonly tokens: Readonly<Record<string, string>>;
}
export interface ChatOptions {
  /** The prompt ends where the answer begins. Default true. */
  readonly addGenerationPrompt?: boolean;
  readonly tools?: readonly unknown[];
}

const CONFIG = "tokenizer_config.json";
const TEMPLATE = "chat_template.jinja";

/** A token is its text, or an object with it. */
const tokensOf = (config: Json): ChatTemplate["tokens"] =>
  Object.fromEntries(
    Object.entries(config).flatMap(([key, value]) => {
      const text = isObject(value) ? value["content"] : value;
      return key.endsWith("_token") && typeof text === "string" ? [[key, text]] : [];
    }),
  );
/** One template, or several of which one is the default. */
const templateOf = (given: unknown): string | undefined => {
  if (typeof given === "string") return given;
  const named = listOf(given).find((one) => isObject(one) && one["name"] === "default");
  return isObject(named) && typeof named["template"] === "string" ? named["template"] : undefined;
};

/** Undefined when none lies there. A file of its own goes before one in the tokenizer's config. */
export const findChatTemplate = async (beside: Beside): Promise<ChatTemplate | undefined> => {
  const config = await readObject(beside, CONFIG);
  const tokens = tokensOf({ ...(await readObject(beside, "special_tokens_map.json")), ...config });
  const own = await beside.read(TEMPLATE);
  const source = own ?? templateOf(config["chat_template"]);
  const file = joinPath(beside.where, own === undefined ? CONFIG : TEMPLATE);
  return source === undefined ? undefined : { file, source, tokens };
};

/** What others call what a model thought, the name that templates read first. */
const THOUGHTS = ["reasoning_content", "thinking", "reasoning"] as const;
/** As transformers hands it to a template: no key that says nothing, and thoughts under the names that templates know. */
const plainMessage = (message: ChatMessage): Json => {
  const said = Object.fromEntries(Object.entries(message).filter(([, value]) => value !== null));
  const thought = THOUGHTS.map((key) => said[key]).find((value) => value !== undefined);
  return thought === undefined ? said : { thinking: thought, ...said, reasoning_content: thought };
};

/** The text that the model continues. */
export const renderChat = async (
  { file, source, tokens }: ChatTemplate,
  messages: readonly ChatMessage[],
  { addGenerationPrompt = true, tools }: ChatOptions = {},
): Promise<string> => {
  if (messages.length === 0) throw new FileFault(file, "a chat needs at least one message");
  const { renderTemplate } = await import("./jinja.ts");
  try {
    const variables = {
      messages: messages.map(plainMessage),
      add_generation_prompt: addGenerationPrompt,
      // There in any case, as templates ask: `tools is not none`.
      tools: tools ?? null,
      documents: null,
      ...tokens,
    };
    return renderTemplate(source, variables, new Date());
  } catch (error) {
    // A template's own raise_exception comes here too: the messages are not what it takes.
    const reason = error instanceof Error ? error.message : String(error);
    throw new FileFault(file, `the chat template cannot be rendered: ${reason}`);
  }
};
