// `specc generate` with a chat: the template beside the weights makes the prompt, and the tokenizer's files say where it begins
// and where an answer ends.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { project, specc, type Ran } from "../cli/run.ts";

const TEMPLATE =
  "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
interface Told {
  readonly completions: readonly {
    readonly prompt: string;
    readonly text: string;
    readonly ids: readonly number[];
    readonly ended: string;
  }[];
}

/** A run with a tokenizer and a template, in a folder of the calling test. */
const trained = async (files: Readonly<Record<string, string>> = {}): Promise<string> => {
  const cwd = project();
  const ran = await specc(["train", "model.arch", "--out-dir", "run", "-q"], { cwd });
  expect(ran.code, ran.err).toBe(0);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, "run", name), text);
  return cwd;
};
const generate = (cwd: string, ...options: readonly string[]): Promise<Ran> =>
  specc(
    ["generate", "run", "--greedy", "--tokens", "3", "--engine", "cpu", "--json", "-q", ...options],
    { cwd },
  );
const told = ({ out }: Ran): Told["completions"] => (JSON.parse(out) as Told).completions;

describe("generate", () => {
  test("a prompt is what a user says, after what the system says", async () => {
    const cwd = await trained({ "chat_template.jinja": TEMPLATE });
    const ran = await generate(
      cwd,
      "--chat",
      "--system",
      "Be brief.",
      "--prompt",
      "Hi",
      "--prompt",
      "Ho",
    );
    expect(ran.code, ran.err).toBe(0);
    expect(told(ran).map(({ prompt }) => prompt)).toEqual([
      "<system>Be brief.\n<user>Hi\n<assistant>",
      "<system>Be brief.\n<user>Ho\n<assistant>",
    ]);
    // Without --json the answer alone is shown.
    const shown = await specc(
      [
        "generate",
        "run",
        "--greedy",
        "--tokens",
        "3",
        "--engine",
        "cpu",
        "-q",
        "--chat",
        "--prompt",
        "Ho",
      ],
      { cwd },
    );
    expect(shown.out.endsWith("\n")).toBe(true);
    expect(shown.out).not.toContain("<user>");
  });
  test("conversations come from a file, one or one a line", async () => {
    const cwd = await trained({ "chat_template.jinja": TEMPLATE });
    const chat = [
      { role: "user", content: "Hi" },
      { role: "assistant", content: "Yo" },
      { role: "user", content: "So?" },
    ];
    writeFileSync(join(cwd, "one.json"), JSON.stringify(chat, null, 1));
    writeFileSync(
      join(cwd, "many.jsonl"),
      `${JSON.stringify({ messages: chat })}\n${JSON.stringify(chat.slice(0, 1))}\n`,
    );
    writeFileSync(join(cwd, "bad.jsonl"), `${JSON.stringify(chat)}\n{"role":"user"}\n`);
    const prompt = "<user>Hi\n<assistant>Yo\n<user>So?\n<assistant>";
    expect(told(await generate(cwd, "--messages", "one.json"))[0]!.prompt).toBe(prompt);
    expect(told(await generate(cwd, "--messages", "many.jsonl")).map((c) => c.prompt)).toEqual([
      prompt,
      "<user>Hi\n<assistant>",
    ]);
    const bad = await generate(cwd, "--messages", "bad.jsonl");
    expect([bad.code, bad.err]).toEqual([
      1,
      expect.stringContaining("bad.jsonl:2: not a list of messages"),
    ]);
    const both = await generate(cwd, "--messages", "one.json", "--chat");
    expect([both.code, both.err]).toEqual([2, expect.stringContaining("cannot be used with")]);
  });
  test("a template that refuses its messages, and none at all, are told", async () => {
    const refusing = await trained({
      "chat_template.jinja": "{{ raise_exception('no user first') }}",
    });
    const refused = await generate(refusing, "--chat", "--prompt", "Hi");
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("no user first")]);
    const none = await generate(await trained(), "--chat", "--prompt", "Hi");
    expect([none.code, none.err]).toEqual([1, expect.stringContaining("no chat template")]);
  });
  test("each end that generation_config.json names ends an answer", async () => {
    const cwd = await trained();
    const [plain] = told(await generate(cwd, "--prompt", "The "));
    expect(plain).toMatchObject({ ended: "length" });
    const end = plain!.ids[1]!;
    writeFileSync(
      join(cwd, "run", "generation_config.json"),
      JSON.stringify({ eos_token_id: [300, end] }),
    );
    const [ended] = told(await generate(cwd, "--prompt", "The "));
    expect(ended!.ended).toBe("stop");
    expect(ended!.ids).toEqual(plain!.ids.slice(0, plain!.ids.indexOf(end)));
  });
  test("generation_config.json says how text is drawn where no option does", async () => {
    const cwd = await trained();
    const file = join(cwd, "run", "generation_config.json");
    const drawn = async (config: object, ...options: readonly string[]) => {
      writeFileSync(file, JSON.stringify(config));
      const ran = await specc(
        ["generate", "run", "--prompt", "The ", "--engine", "cpu", "--json", ...options],
        { cwd },
      );
      expect(ran.code, ran.err).toBe(0);
      return { ...(JSON.parse(ran.out) as { drawing: object } & Told), err: ran.err };
    };
    const short = ["--tokens", "2"];
    const plain = await drawn({ eos_token_id: 300 }, ...short);
    expect(plain.drawing).toEqual({ tokens: 2, temperature: 0.8 });
    expect(plain.err).not.toContain("generation_config.json");

    const config = { do_sample: true, temperature: 0.6, top_p: 0.9, repetition_penalty: 1.1, max_new_tokens: 3 }; // prettier-ignore
    const own = await drawn(config);
    const said = { temperature: 0.6, topK: 50, topP: 0.9, repetitionPenalty: 1.1 };
    expect(own.drawing).toEqual({ ...said, tokens: 3 });
    expect(own.completions[0]!.ids).toHaveLength(3);
    expect(own.err).toContain(
      "generation_config.json: temperature 0.6, top-k 50, top-p 0.9, repetition penalty 1.1, tokens 3, unless an option says otherwise\n",
    );
    const asOptions = ["--temperature", "0.6", "--top-k", "50", "--top-p", "0.9", "--repetition-penalty", "1.1", "--tokens", "3"]; // prettier-ignore
    expect((await drawn({}, ...asOptions)).completions).toEqual(own.completions);

    const mixed = await drawn(config, "--temperature", "1.5", ...short);
    expect(mixed.drawing).toEqual({ ...said, temperature: 1.5, tokens: 2 });
    expect((await drawn(config, "--greedy", ...short)).drawing).toMatchObject({ temperature: 0 });
    // the likeliest token each time, unless the command draws
    expect((await drawn({ do_sample: false, top_p: 0.9 }, ...short)).drawing).toMatchObject({
      temperature: 0,
    });
    expect((await drawn({ do_sample: false }, "--top-p", "0.5", ...short)).drawing).toMatchObject({
      temperature: 0.8,
      topP: 0.5,
    });
    expect((await drawn({ num_beams: 4, min_p: 0.1, typical_p: 1 }, ...short)).err).toContain(
      "generation_config.json: no use is made of num_beams, min_p\n",
    );
    writeFileSync(file, JSON.stringify({ temperature: "hot" }));
    const bad = await generate(cwd, "--prompt", "The ");
    expect([bad.code, bad.err]).toEqual([
      1,
      expect.stringContaining('generation_config.json: temperature is "hot", not a number from 0'),
    ]);
  });
  test("what the tokenizer puts before a text is before a prompt, and not before a chat", async () => {
    const cwd = await trained({ "chat_template.jinja": TEMPLATE });
    const path = join(cwd, "run", "tokenizer.json");
    const ids = async (...options: readonly string[]) =>
      told(await generate(cwd, ...options))[0]!.ids;
    const chat = await ids("--chat", "--prompt", "Hi");
    const special_tokens = { z: { id: "z", ids: [122, 122, 122, 122], tokens: ["z"] } };
    const post_processor = {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "z", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [],
      special_tokens,
    };
    const text = readFileSync(path, "utf8");
    writeFileSync(path, JSON.stringify({ ...(JSON.parse(text) as object), post_processor }));
    // The same ids by another way: bytes are tokens here.
    const after = await ids("--prompt", "Hi");
    writeFileSync(path, text);
    expect(await ids("--prompt", "zzzzHi")).toEqual(after);
    writeFileSync(path, JSON.stringify({ ...(JSON.parse(text) as object), post_processor }));
    expect(await ids("--chat", "--prompt", "Hi")).toEqual(chat);
  });
});
