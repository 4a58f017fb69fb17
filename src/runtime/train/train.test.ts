// Training as a whole, on a toy engine: it learns, resumes bit for bit, and ends well whatever happens.
import { describe, expect, test } from "vitest";
import { FileFault, readSafetensors, writeSafetensors } from "../../bundle/safetensors.ts";
import { createModel, type Model } from "../api.ts";
import type { FitOptions } from "../fit.ts";
import {
  diskFull,
  memoryHost,
  toyBundle,
  toyEngine,
  type MemoryHost,
  type ToyOptions,
} from "../toy.test.helper.ts";
import { NonFiniteFault } from "./failure.ts";

const TEXT = "the cat sat on the mat and the dog ran to the barn at the end of the day ".repeat(20);
const project = (): MemoryHost =>
  memoryHost({ "project/data/a.txt": TEXT, "project/data/b.txt": TEXT.slice(200) });
const open = (host: MemoryHost, options: ToyOptions = {}): Promise<Model> =>
  createModel({ bundle: toyBundle(options), host, engine: toyEngine(options) });
const fit = async (host: MemoryHost, options: Partial<FitOptions> = {}, toy: ToyOptions = {}) =>
  (await open(host, toy)).trainer().fit({ outDir: "run", ...options });
const text = (host: MemoryHost, path: string): string =>
  new TextDecoder().decode(host.files.get(path));
const rows = (host: MemoryHost): Record<string, unknown>[] =>
  text(host, "run/metrics.jsonl")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const losses = (host: MemoryHost): unknown[] =>
  rows(host)
    .filter((row) => "train/loss" in row)
    .map((row) => row["train/loss"]);
const checkpoints = (host: MemoryHost): string[] =>
  [
    ...new Set(
      [...host.files.keys()]
        .filter((path) => path.includes("checkpoint"))
        .map((path) => path.split("/")[1] ?? ""),
    ),
  ].sort();

const BACKGROUND = { inBackground: true };
describe.each([
  {},
  { accumulate: true },
  BACKGROUND,
  { accumulate: true, wholeStep: true, ...BACKGROUND },
])("a run %o", (toy: ToyOptions) => {
  test("learns, measures, samples, and leaves its files", async () => {
    const host = project();
    const result = await fit(host, {}, toy);
    expect(result).toMatchObject({ status: "finished", step: 40, totalSteps: 40 });
    const evals = rows(host).filter((row) => "eval/loss" in row);
    expect(evals.map((row) => row["step"])).toEqual([0, 10, 20, 30, 40]);
    expect(evals[0]?.["eval/bits_per_byte"]).toBeCloseTo(8, 1);
    const { evaluation } = result;
    expect(evaluation?.kind === "text" && evaluation.bitsPerByte).toBeLessThan(5.5);
    expect(result.sample?.length).toBeGreaterThan(10);
    expect(checkpoints(host)).toEqual(["checkpoint-30", "checkpoint-40"]);
    for (const name of ["model.safetensors", "config.json", "tokenizer.json", "report.html"])
      expect(host.files.has(`run/${name}`)).toBe(true);
    const { tensors } = readSafetensors(
      host.files.get("run/model.safetensors") ?? new Uint8Array(0),
    );
    expect(tensors["lm_head.weight"]?.shape).toEqual([128, 2]);
    const [header, , first] = rows(host);
    expect(header).toMatchObject({ type: "run", backend: "toy" });
    expect(first).toMatchObject({
      step: 1,
      "train/num_input_tokens_seen": toy.accumulate === true ? 64 : 32,
    });
    expect(Object.keys(first ?? {})).toEqual(
      expect.arrayContaining([
        "train/grad_norm",
        "perf/tokens_per_second",
        "probes/gates/head.gate",
      ]),
    );
    expect(text(host, "project/data/a.txt")).toBe(TEXT);
    const lists = rows(host).filter((row) => "metrics/load" in row);
    expect(lists.map((row) => row["step"])).toEqual([1, 40]);
    expect(lists[0]!["metrics/load"]).toEqual([0.6667, 0.3333]);
  });

  test("40 steps straight are 20, a kill, and the rest", async () => {
    const [straight, killed] = [project(), project()];
    await fit(straight, {}, toy);
    const kill = (p: { step: number }): void => {
      if (p.step === 25) throw new Error("killed");
    };
    await expect(fit(killed, { onStep: kill }, toy)).rejects.toThrow("killed");
    expect(losses(killed).length).toBe(25);
    const result = await fit(killed, { resumeFrom: "latest" }, toy);
    expect(result.step).toBe(40);
    expect(losses(killed)).toEqual(losses(straight));
    for (const name of [
      "model.safetensors",
      "checkpoint-40/optimizer.safetensors",
      "tokenizer.json",
    ]) {
      expect(killed.files.get(`run/${name}`)).toEqual(straight.files.get(`run/${name}`));
    }
    expect(checkpoints(killed)).toEqual(checkpoints(straight));
  });

  test("goes on from weights, optimizer and state alone: the rest follows from step and seed", async () => {
    const [straight, stopped] = [project(), project()];
    await fit(straight, {}, toy);
    await fit(stopped, { steps: 20 }, toy);
    for (const name of ["scheduler.json", "rng_state.json", "config.json"])
      expect(stopped.files.delete(`run/checkpoint-20/${name}`)).toBe(true);
    await fit(stopped, { resumeFrom: "latest" }, toy);
    expect(losses(stopped)).toEqual(losses(straight));
    for (const name of ["model.safetensors", "optimizer.safetensors", "rng_state.json"])
      expect(stopped.files.get(`run/checkpoint-40/${name}`)).toEqual(
        straight.files.get(`run/checkpoint-40/${name}`),
      );
  });

  test("stops at a loss that is not finite, and says where it came from", async () => {
    const host = project();
    const error = await fit(host, {}, { ...toy, nanAt: 27 }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(NonFiniteFault);
    expect(error).toMatchObject({
      step: 27,
      node: "head/product/exp",
      place: "toy.arch:7",
      checkpoint: "run/checkpoint-20",
    });
    expect(String(error)).toContain(
      "the loss is NaN at step 27; first in head/product/exp (toy.arch:7); the last good checkpoint is run/checkpoint-20",
    );
    expect(rows(host).at(-1)).toMatchObject({ step: 27, "train/loss": null });
    expect(checkpoints(host)).toEqual(["checkpoint-10", "checkpoint-20"]);
    const early = await fit(project(), {}, { ...toy, nanAt: 1 }).catch((e: unknown) => e);
    expect(early).toMatchObject({ step: 1, node: "head/product/exp", checkpoint: undefined });
  });
});

test("a run that goes on elsewhere looks for a cause from the checkpoint it came with", async () => {
  const host = project();
  await fit(host, { steps: 20 });
  // what lies in the new folder is of another run
  await fit(host, { steps: 10, outDir: "new", seed: 5 });
  const how = { outDir: "new", resumeFrom: "run/checkpoint-20" };
  const error = await fit(host, how, { nanAt: 27 }).catch((e: unknown) => e);
  expect(error).toMatchObject({ step: 27, checkpoint: "run/checkpoint-20" });
});

test("steps asked for ahead, and passes run at once, change no loss", async () => {
  const lossesOf = async (toy: ToyOptions): Promise<unknown[]> => {
    const host = project();
    await fit(host, {}, toy);
    return losses(host);
  };
  expect(await lossesOf(BACKGROUND)).toEqual(await lossesOf({}));
  const passes = (await lossesOf({ accumulate: true })) as number[];
  const whole = (await lossesOf({ accumulate: true, wholeStep: true })) as number[];
  expect(whole.length).toBe(40);
  whole.forEach((loss, i) => expect(loss).toBeCloseTo(passes[i]!, 5));
});

test.each([
  // a step that was asked for ahead is still taken
  { toy: {}, last: 13 },
  { toy: BACKGROUND, last: 14 },
])("an interrupt saves, and the run goes on from there %o", async ({ toy, last }) => {
  const [straight, host] = [project(), project()];
  await fit(straight);
  const stop = new AbortController();
  const onStep = (p: { step: number }): void => {
    if (p.step === 13) stop.abort();
  };
  const result = await fit(host, { signal: stop.signal, onStep }, toy);
  expect(result).toMatchObject({
    status: "interrupted",
    step: last,
    checkpoint: `run/checkpoint-${last}`,
  });
  await fit(host, { resumeFrom: "latest" }, toy);
  expect(host.files.get("run/model.safetensors")).toEqual(
    straight.files.get("run/model.safetensors"),
  );
});

test("a finished run has nothing left to resume; a new one replaces it", async () => {
  const host = project();
  await fit(host);
  expect(await fit(host, { resumeFrom: "latest" })).toMatchObject({
    status: "finished",
    step: 40,
    loss: undefined,
  });
  await fit(host, { steps: 15, seed: 1 });
  expect(checkpoints(host)).toEqual(["checkpoint-10", "checkpoint-15"]);
  expect(rows(host)[0]).toMatchObject({ config: { seed: 1 } });
});

describe("bad checkpoints are refused and left alone", () => {
  const damaged = async (
    change: (host: MemoryHost) => void,
    toy: ToyOptions = {},
  ): Promise<unknown> => {
    const host = project();
    await fit(host);
    change(host);
    const before = new Map(host.files);
    const error = await fit(host, { resumeFrom: "latest" }, toy).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(FileFault);
    expect(host.files).toEqual(before);
    return error instanceof Error ? error.message : error;
  };
  const cut =
    (path: string) =>
    (host: MemoryHost): void => {
      host.files.set(path, (host.files.get(path) ?? new Uint8Array(0)).slice(0, -3));
    };
  const at = "run/checkpoint-40";
  test("cut files", async () => {
    expect(await damaged(cut(`${at}/model.safetensors`))).toMatch(/cut short/);
    expect(await damaged(cut(`${at}/optimizer.safetensors`))).toMatch(/cut short/);
    expect(await damaged(cut(`${at}/trainer_state.json`))).toMatch(/trainer_state.json: not JSON/);
  });
  test("missing file, foreign spec, foreign weights", async () => {
    expect(await damaged((host) => host.files.delete(`${at}/optimizer.safetensors`))).toMatch(
      /no such file/,
    );
    expect(await damaged(() => undefined, { specHash: "b".repeat(64) })).toMatch(
      /belongs to another spec \(aaaaaaaaaaaa, this one is bbbbbbbbbbbb\)/,
    );
    const swap = (host: MemoryHost): void =>
      void host.files.set(
        `${at}/model.safetensors`,
        host.files.get(`${at}/optimizer.safetensors`) ?? new Uint8Array(0),
      );
    expect(await damaged(swap)).toMatch(
      /missing: lm_head.weight; not in the model: lm_head.weight\/momentum/,
    );
  });
  test("none at all", async () => {
    await expect(fit(project(), { resumeFrom: "latest" })).rejects.toThrow(
      /no checkpoint to resume from/,
    );
    await expect(fit(project(), { resumeFrom: "run/checkpoint-9" })).rejects.toThrow(
      /no such checkpoint/,
    );
  });
});

test("a full disk leaves the last good checkpoint and no rest", async () => {
  const host = project();
  host.refuse = (path) => {
    if (path.includes("checkpoint-20.partial/optimizer")) throw diskFull();
  };
  const error = await fit(host).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(FileFault);
  expect(error).toMatchObject({
    message: "run/checkpoint-20: the disk is full (while saving a checkpoint)",
    help: "the last good checkpoint is run/checkpoint-10; free some space, then resume",
  });
  expect(checkpoints(host)).toEqual(["checkpoint-10"]);
});

test("one training at a time has a folder, from its first file to its report", async () => {
  const host = project();
  host.held.add("run");
  await expect(fit(host)).rejects.toThrow("run: another specc is at work there");
  expect([...host.files.keys()].filter((path) => path.startsWith("run/"))).toEqual([]);
  host.held.clear();
  const seen: boolean[] = [];
  host.refuse = (path) => {
    if (path.startsWith("run/")) seen.push(host.held.has("run"));
  };
  await fit(host);
  expect(seen.length).toBeGreaterThan(10);
  expect(seen).not.toContain(false);
  expect(host.held.size).toBe(0);
  host.refuse = (path) => {
    if (path.includes("report")) throw diskFull();
  };
  await expect(fit(host)).rejects.toThrow("the disk is full");
  expect(host.held.size).toBe(0);
});

test("a model whose training has no folder, or no weights to begin with, keeps its own", async () => {
  const host = project();
  const model = await open(host);
  const before = await model.saveWeights();
  const how = { outDir: "run", seed: 5 };
  const weights = "gone.safetensors";
  await expect(model.trainer().fit({ ...how, weights })).rejects.toThrow(weights);
  expect(await model.saveWeights()).toEqual(before);
  host.held.add("run");
  await expect(model.trainer().fit(how)).rejects.toThrow("is at work there");
  expect(await model.saveWeights()).toEqual(before);
});

test("a model keeps its own when what it should go on with is damaged", async () => {
  const host = project();
  const model = await open(host);
  await model.trainer().fit({ outDir: "run" });
  const before = await model.saveWeights();
  /** The same file with a NaN at its end. */
  const damage = (path: string): void => {
    const { tensors } = readSafetensors(host.files.get(path)!);
    const last = Object.values(tensors).filter(({ dtype }) => dtype === "f32").at(-1)!; // prettier-ignore
    last.data[last.data.length - 1] = NaN;
    host.files.set(path, writeSafetensors(tensors));
  };
  damage("run/model.safetensors");
  damage("run/checkpoint-40/optimizer.safetensors");
  const again = { outDir: "again", seed: 5 };
  for (const begin of [{ weights: "run/model.safetensors" }, { resumeFrom: "run/checkpoint-40" }]) {
    await expect(model.trainer().fit({ ...again, ...begin })).rejects.toThrow("holds NaN");
    expect(await model.saveWeights()).toEqual(before);
  }
  await expect(model.load("run/model.safetensors")).rejects.toThrow("holds NaN");
  expect(await model.saveWeights()).toEqual(before);
});

test("missing data is told with the place that was tried", async () => {
  await expect(fit(memoryHost())).rejects.toThrow("data/*.txt: no data file matches in project");
  const data = { ...toyBundle().manifest.training!.data, package: "@a/b" };
  await expect(fit(memoryHost(), {}, { training: { data } })).rejects.toMatchObject({
    help: "run: npm install @a/b",
  });
});

test("an evaluation tells how much of what is held out it looked at", async () => {
  const model = await open(project());
  const { samples, heldOut } = await model.evaluate();
  expect(samples).toBe(heldOut);
  expect(heldOut).toBeGreaterThan(5);
  expect(await model.evaluate({ limit: 5 })).toMatchObject({ samples: 5, heldOut });
});

describe("initial weights", () => {
  /** A model, and the names of the states that were written since it was opened. */
  const watched = async (
    options: Partial<Parameters<typeof createModel>[0]> = {},
  ): Promise<{ readonly model: Model; readonly written: () => readonly string[] }> => {
    const written: string[] = [];
    const engine = toyEngine();
    const model = await createModel({
      bundle: toyBundle(),
      host: project(),
      engine: {
        ...engine,
        open: async (bundle) => {
          const session = await engine.open(bundle);
          return {
            ...session,
            writeState: async (values) => {
              written.push(...Object.keys(values));
              await session.writeState(values);
            },
          };
        },
      },
      ...options,
    });
    return { model, written: () => written.splice(0) };
  };
  test("are drawn when something needs them, once", async () => {
    const { model, written } = await watched();
    expect(written()).toEqual([]);
    const first = await model.saveWeights();
    expect(written()).toEqual(["head.weight"]);
    expect(await model.saveWeights()).toEqual(first);
    expect(written()).toEqual([]);
    const same = await watched({ weights: "initial" });
    expect(same.written()).toEqual(["head.weight"]);
    expect(await same.model.saveWeights()).toEqual(first);
  });
  test("are what logits without other weights come from", async () => {
    const { logits } = await (await watched()).model.forward([[1, 2, 3]]);
    expect(logits.data.some((x) => x !== 0)).toBe(true);
    const same = await watched({ weights: "initial" });
    expect((await same.model.forward([[1, 2, 3]])).logits).toEqual(logits);
  });
  test("are those of the training, not the model's and then the training's", async () => {
    const { model, written } = await watched();
    await model.trainer().fit({ outDir: "run", steps: 1, seed: 5 });
    expect(written()).toEqual(["head.weight"]);
    const trained = await model.saveWeights();
    expect(written()).toEqual([]);
    expect(trained).not.toEqual(await (await watched({ seed: 5 })).model.saveWeights());
  });
  test("give way to others undrawn", async () => {
    const { model } = await watched({ seed: 9 });
    const weights = await model.saveWeights();
    const given = await watched({ weights });
    expect(given.written()).toEqual(["head.weight"]);
    expect(await given.model.saveWeights()).toEqual(weights);
  });
  test("are there after a training that did not begin", async () => {
    const { model, written } = await watched({ host: memoryHost() });
    await expect(model.trainer().fit({ outDir: "run" })).rejects.toThrow("no data file");
    expect(written()).toEqual([]);
    await model.saveWeights();
    expect(written()).toEqual(["head.weight"]);
  });
});
