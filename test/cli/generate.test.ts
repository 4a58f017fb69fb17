// `specc generate`: prompts from arguments, files and standard input; what ends a text; the same texts from source and bundle.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../../src/bundle/safetensors.ts";
import { project, specc } from "./run.ts";

/** A project with weights beside its spec: what two updates leave. */
const trained = async (): Promise<string> => {
  const cwd = project();
  expect((await specc(["train", "model.arch", "--steps", "2", "-q"], { cwd })).code).toBe(0);
  copyFileSync(join(cwd, "runs/Train/model.safetensors"), join(cwd, "model.safetensors"));
  return cwd;
};
interface Result {
  readonly engine: string;
  readonly completions: readonly {
    readonly prompt: string;
    readonly text: string;
    readonly ids: readonly number[];
    readonly ended: string;
  }[];
}

test("several prompts: the same texts in their order from source, from a bundle, and as JSON", async () => {
  const cwd = await trained();
  writeFileSync(join(cwd, "more.txt"), "The past\r\n \r\n\r\nA third one\n");
  writeFileSync(join(cwd, "more.jsonl"), '\n"two\\nlines"\n\n""\n');
  const prompts = ["--prompt", "The ", "--prompt", "-", "--prompt-file"];
  const how = [
    "--tokens",
    "40",
    "--seed",
    "3",
    "--top-k",
    "30",
    "--repetition-penalty",
    "1.1",
    "-q",
  ];
  const run = async (...args: readonly string[]): Promise<string> => {
    const { code, out, err } = await specc(["generate", ...args, ...how], {
      cwd,
      stdin: "from a pipe",
    });
    expect([code, err]).toEqual([0, ""]);
    return out;
  };
  const plain = await run("model.arch", ...prompts, "more.txt");
  const { completions } = JSON.parse(
    await run("model.arch", ...prompts, "more.txt", "--json"),
  ) as Result;
  expect(completions.map(({ prompt }) => prompt)).toEqual([
    "The ",
    "from a pipe",
    "The past",
    "A third one",
  ]);
  expect(completions.map(({ ended, ids }) => ended === "stop" || ids.length === 40)).not.toContain(
    false,
  );
  expect(plain).toBe(completions.map(({ prompt, text }) => `${prompt}${text}\n`).join("\n"));
  expect(await run("model.arch", "--prompt", "The ")).toBe(`The ${completions[0]!.text}\n`);

  await specc(["build", "model.arch", "-o", "one", "-q"], { cwd });
  await specc(["build", "model.arch", "-o", "three", "--generation-batch", "3", "-q"], { cwd });
  for (const bundle of ["one", "three"]) {
    mkdirSync(join(cwd, bundle), { recursive: true });
    copyFileSync(join(cwd, "model.safetensors"), join(cwd, bundle, "model.safetensors"));
    expect(await run(bundle, ...prompts, "more.txt"), bundle).toBe(plain);
  }
  const lines = JSON.parse(await run("one", "--prompt-file", "more.jsonl", "--json")) as Result;
  expect(lines.completions.map(({ prompt }) => prompt)).toEqual(["two\nlines", ""]);
});

test("--stop ends a text where it begins; --greedy draws nothing", async () => {
  const cwd = await trained();
  const json = async (...args: readonly string[]): Promise<Result["completions"][number]> => {
    const { out } = await specc(
      ["generate", "model.arch", "--prompt", "The ", "--json", "-q", "--greedy", ...args],
      { cwd },
    );
    return (JSON.parse(out) as Result).completions[0]!;
  };
  const whole = await json("--max-new-tokens", "20");
  expect([whole.ids.length, whole.ended]).toEqual([20, "length"]);
  expect(await json("--max-new-tokens", "20", "--seed", "9")).toEqual(whole);
  const stop = whole.text.slice(5, 7);
  const cut = await json("--tokens", "20", "--stop", "never there", "--stop", stop);
  expect(cut).toMatchObject({ text: whole.text.slice(0, whole.text.indexOf(stop)), ended: "stop" });
});

test("what cannot be meant is said, with what can be done", async () => {
  const cwd = project({ "prompts.jsonl": '"fine"\n\nnot json\n', "empty.txt": " \n\n" });
  const fails = async (code: number, what: string, ...args: readonly string[]): Promise<void> => {
    const ran = await specc(["generate", "model.arch", ...args], { cwd });
    expect(ran, what).toMatchObject({
      code,
      out: "",
      err: expect.stringContaining(what) as string,
    });
  };
  await fails(2, "nothing to continue");
  await fails(2, "give --prompt <text> or --prompt-file <file>");
  await fails(2, "standard input can be one prompt only", "--prompt", "-", "--prompt", "-");
  await fails(1, "prompts.jsonl:3: not a JSON string", "--prompt-file", "prompts.jsonl");
  await fails(1, "empty.txt holds no prompts", "--prompt-file", "empty.txt");
  await fails(2, "cannot read gone.txt: no such file", "--prompt-file", "gone.txt");
  await fails(2, "cannot be used with option", "--prompt", "x", "--greedy", "--top-k", "3");
  await fails(2, "--system is for --chat", "--prompt", "x", "--system", "Be brief.");
  await fails(2, "Give a number above 0.", "--prompt", "x", "--repetition-penalty", "0");
  await fails(2, "Give a number from 0 up.", "--prompt", "x", "--temperature", "Infinity");
  await fails(2, "Give at least one character.", "--prompt", "x", "--stop", "");
});

test("weights that give no numbers are told, with their name or the line of the spec", async () => {
  const cwd = await trained();
  const file = join(cwd, "model.safetensors");
  const { tensors } = readSafetensors(new Uint8Array(readFileSync(file)), file);
  const fails = async (value: number, what: RegExp): Promise<void> => {
    const spoilt = Object.entries(tensors).map(([name, { shape, data }]) => {
      const values = name.startsWith("model.layers.1.mlp.") ? data.map(() => value) : data;
      return [name, { dtype: "f32", shape, data: Float32Array.from(values) }] as const;
    });
    writeFileSync(file, writeSafetensors(Object.fromEntries(spoilt)));
    const { code, err } = await specc(["generate", "model.arch", "--prompt", "x", "-q"], { cwd });
    expect(code).toBe(1);
    expect(err).toMatch(what);
  };
  await fails(
    NaN,
    /model\.safetensors: model\.layers\.1\.mlp\.gate_proj\.weight holds NaN \(value 1 of \d+\)/,
  );
  await fails(
    1e25,
    /logits are not finite; first in blocks\.1\/ffn\/.* \(model\.arch:\d+\)\n  the weights in model\.safetensors are unusable/,
  );
});
