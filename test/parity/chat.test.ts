// Chat templates against what transformers renders (test/parity/python/verify_chat.py makes the cases).
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  besideWeights,
  findChatTemplate,
  renderChat,
  type ChatMessage,
} from "../../src/runtime/index.ts";
import { nodeHost } from "../../src/runtime/node/index.ts";
import { folder } from "../cli/run.ts";

interface Cases {
  readonly tokens: Readonly<Record<string, string>>;
  readonly templates: Readonly<Record<string, string>>;
  readonly chats: Readonly<Record<string, readonly ChatMessage[]>>;
  readonly tools: readonly unknown[];
  readonly cases: readonly {
    readonly template: string;
    readonly chat: string;
    readonly add_generation_prompt: boolean;
    readonly tools: boolean;
    readonly text: string | { readonly error: string };
  }[];
}
const given = JSON.parse(
  readFileSync(new URL("data/chat/cases.json", import.meta.url), "utf8"),
) as Cases;

test.each(given.cases)(
  "$template, $chat, $add_generation_prompt",
  async ({ template, chat, add_generation_prompt, tools, text }) => {
    const source = given.templates[template]!;
    const rendered = renderChat({ file: "t", source, tokens: given.tokens }, given.chats[chat]!, {
      addGenerationPrompt: add_generation_prompt,
      ...(tools && { tools: given.tools }),
    });
    if (typeof text === "string") expect(await rendered).toBe(text);
    else
      await expect(rendered).rejects.toThrow(
        `t: the chat template cannot be rendered: ${text.error}`,
      );
  },
);

describe("where a template lies", () => {
  const find = async (files: Readonly<Record<string, string>>) => {
    const path = folder(files);
    const found = await findChatTemplate(besideWeights(nodeHost(), path));
    return found && { ...found, file: found.file.replace(`${path}/`, "") };
  };
  const config = (chat_template: unknown): string =>
    JSON.stringify({
      chat_template,
      bos_token: "<s>",
      eos_token: { content: "</s>" },
      add_bos_token: true,
    });
  const tokens = { bos_token: "<s>", eos_token: "</s>" };
  test("in the tokenizer's config, with its tokens", async () => {
    expect(await find({ "tokenizer_config.json": config("A") })).toEqual({
      file: "tokenizer_config.json",
      source: "A",
      tokens,
    });
  });
  test("the default of several", async () => {
    const several = ["rag", "default"].map((name) => ({ name, template: name.toUpperCase() }));
    expect(await find({ "tokenizer_config.json": config(several) })).toMatchObject({
      source: "DEFAULT",
    });
  });
  test("a file of its own goes first", async () => {
    const files = { "tokenizer_config.json": config("A"), "chat_template.jinja": "B\n" };
    expect(await find(files)).toEqual({ file: "chat_template.jinja", source: "B\n", tokens });
  });
  test("tokens of the older map", async () => {
    const files = { "special_tokens_map.json": '{"bos_token":"<b>"}', "chat_template.jinja": "B" };
    expect(await find(files)).toMatchObject({ tokens: { bos_token: "<b>" } });
  });
  test("nowhere", async () => {
    expect(await find({ "tokenizer_config.json": "{}" })).toBeUndefined();
    expect(await find({})).toBeUndefined();
  });
});
