// A model that is trained further keeps what says how it is used: its chats, its ends of an answer.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { project, specc, TINY } from "../cli/run.ts";

const TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}";
const ARCH = `${TINY.replace("vocab_size  = 256", "vocab_size  = 280")
  .replace("scaling   = gpas()", "")
  .replace("tokenizer: bytes()", 'tokenizer: bpe("tokenizer.json", size: 280)')}
recipe Other extends Train for Tiny {
  data = text("data/*.txt", tokenizer: bpe("other.json", size: 270), sequence: 16)
}
`;
const trained = async (): Promise<string> => {
  const cwd = project({ "model.arch": ARCH });
  const base = ["train", "model.arch", "--recipe", "Train", "--out-dir", "base", "-q"];
  const ran = await specc(base, { cwd });
  expect(ran.code, ran.err).toBe(0);
  writeFileSync(join(cwd, "base", "chat_template.jinja"), TEMPLATE);
  writeFileSync(join(cwd, "base", "generation_config.json"), '{ "eos_token_id": [7, 9] }');
  return cwd;
};

test("by the same tokens, from a run and from its checkpoint", async () => {
  const cwd = await trained();
  for (const [weights, out] of [
    ["base", "tuned"],
    ["base/checkpoint-6", "again"],
  ] as const) {
    const ran = await specc(
      ["train", "model.arch", "--recipe", "Train", "--weights", weights, "--out-dir", out, "-q"],
      { cwd },
    );
    expect(ran.code, ran.err).toBe(0);
    expect(readFileSync(join(cwd, out, "chat_template.jinja"), "utf8")).toBe(TEMPLATE);
  }
  const chat = ["--chat", "--prompt", "Hi", "--tokens", "1", "--json", "-q"];
  const said = await specc(["generate", "tuned", ...chat], { cwd });
  expect(JSON.parse(said.out)).toMatchObject({ completions: [{ prompt: "<user>Hi" }] });
  const exported = await specc(["export", "tuned", "-o", "hub"], { cwd });
  expect(exported.code, exported.err).toBe(0);
  expect(JSON.parse(readFileSync(join(cwd, "hub", "config.json"), "utf8"))).toMatchObject({
    eos_token_id: [7, 9],
  });
  expect(existsSync(join(cwd, "hub", "chat_template.jinja"))).toBe(true);
});

test("by other tokens it is left, and that is told", async () => {
  const cwd = await trained();
  const ran = await specc(
    ["train", "model.arch", "--recipe", "Other", "--weights", "base", "--out-dir", "other"],
    { cwd },
  );
  expect(ran.err).toContain(
    "left in base, since the recipe's tokenizer is not the one there: chat_template.jinja, generation_config.json\n",
  );
  expect(existsSync(join(cwd, "other", "chat_template.jinja"))).toBe(false);
});

test("it is of the run: a new one in the folder begins without", async () => {
  const cwd = await trained();
  const argv = ["train", "model.arch", "--recipe", "Train", "--out-dir", "run", "-q"];
  await specc([...argv, "--weights", "base"], { cwd });
  const ran = await specc([...argv, "--overwrite"], { cwd });
  expect(ran.code, ran.err).toBe(0);
  expect(existsSync(join(cwd, "run", "chat_template.jinja"))).toBe(false);
});
