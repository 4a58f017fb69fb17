// Going on with a run: the command that does it, and everything that may be wrong with what is named.
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../../src/bundle/safetensors.ts";
import { commandFor, quoted } from "../../src/cli/called.ts";
import type { Signal } from "../../src/cli/io.ts";
import { resumeCommand } from "../../src/cli/resume.ts";
import { folder, project, specc, TINY, until, type Ran } from "./run.ts";

const LONG = TINY.replace("6 steps", "100 steps");

describe("the command that goes on", () => {
  test("names every option of the run, quoted, and does what it says", async () => {
    const cwd = project({ "my model.arch": LONG });
    let send: ((signal: Signal) => void) | undefined;
    const args = ["--set", "batch=2 sequences", "--seed", "7", "--steps", "50", "--engine", "cpu"];
    const running = specc(
      [
        "train",
        "my model.arch",
        "--model",
        "Tiny",
        "--recipe",
        "Train",
        ...args,
        "--out-dir",
        "a b",
      ],
      { cwd, script: join(cwd, "bin/specc.js"), signals: (listener) => (send = listener) },
    );
    const file = join(cwd, "a b/metrics.jsonl");
    await until(
      () => existsSync(file) && readFileSync(file, "utf8").includes('"step":2,'),
      running,
    );
    send?.("SIGTERM");
    const { code, err } = await running;
    expect(code).toBe(143);
    expect(err).toContain("stopping: a checkpoint is saved first");
    const [, command = ""] = /to go on: (.*)/.exec(err) ?? [];
    expect(command).toBe(
      "node bin/specc.js train 'my model.arch' --model Tiny --recipe Train --set 'batch=2 sequences' --steps 50 --seed 7 --engine cpu --out-dir 'a b' --resume-from-checkpoint latest",
    );
    const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, a, b]) => a ?? b ?? "");
    const again = await specc(words.slice(2), { cwd });
    expect([again.code, again.err]).toEqual([
      0,
      expect.stringMatching(/going on with Tiny .* to step 50/),
    ]);
  });
  test.each([
    ["/usr/local/bin/specc", "/home/me/p", "specc"],
    ["/home/me/specc/bin/specc.js", "/home/me/specc", "node bin/specc.js"],
    ["/home/me/my specc/bin/specc.js", "/home/me/p", "node '../my specc/bin/specc.js'"],
    ["/opt/specc/bin/specc.js", "/home/me/p", "node /opt/specc/bin/specc.js"],
    ["/home/me/.npm/_npx/1/node_modules/.bin/specc", "/home/me/p", "npx specc"],
  ])("%s from %s: %s", (script, from, command) => {
    expect(commandFor(script, from)).toBe(command);
  });
  test("npx finds what the project has, and not what lies above a project of its own", () => {
    const root = folder({ "package.json": "{}", "sub/package.json": "{}" });
    const script = join(root, "node_modules/.bin/specc");
    expect(commandFor(script, root)).toBe("npx specc");
    expect(commandFor(script, join(root, "sub"))).toBe("node ../node_modules/.bin/specc");
  });
  test("has no number of steps that the run has reached, and none that an earlier run was not asked for", () => {
    const cwd = folder({ "runs/Train/checkpoint-4/trainer_state.json": "{}" });
    const io = { cwd, script: "/usr/bin/specc" };
    const command = (steps: number, earlier?: boolean): string =>
      resumeCommand(
        io,
        "m.arch",
        join(cwd, "runs/Train"),
        { steps, seed: 3, engine: "auto", color: "auto" },
        earlier,
      );
    const end = "--out-dir runs/Train --resume-from-checkpoint latest";
    expect(command(9)).toBe(`specc train m.arch --steps 9 --seed 3 ${end}`);
    expect(command(4)).toBe(`specc train m.arch --seed 3 ${end}`);
    expect(command(9, true)).toBe(`specc train m.arch ${end}`);
  });
  test("words of a shell", () => {
    expect(["a.arch", "a b", "it's", "$x"].map(quoted)).toEqual([
      "a.arch",
      "'a b'",
      "'it'\\''s'",
      "'$x'",
    ]);
  });
});

describe("resuming", () => {
  const resume = (cwd: string, from: string, ...args: readonly string[]): Promise<Ran> =>
    specc(["train", "model.arch", "--engine", "cpu", "--resume-from-checkpoint", from, ...args], {
      cwd,
    });
  const begun = async (...args: readonly string[]): Promise<string> => {
    const cwd = project();
    await specc(["train", "model.arch", "-q", "--engine", "cpu", ...args], { cwd });
    return cwd;
  };

  test("what is no checkpoint is told for what it is, and nothing is made", async () => {
    const cwd = await begun("--steps", "2");
    mkdirSync(join(cwd, "empty"));
    for (const [from, message, hint] of [
      ["gone", "no such checkpoint: gone", ""],
      [
        "empty",
        "empty is no checkpoint: there is no trainer_state.json in it",
        "checkpoint-<step>",
      ],
      [
        "runs/Train",
        "runs/Train is no checkpoint",
        "whose last checkpoint is runs/Train/checkpoint-2",
      ],
      [
        "runs/Train/checkpoint-2/model.safetensors",
        "is a file; a checkpoint is a folder",
        "its checkpoint is runs/Train/checkpoint-2",
      ],
    ] as const) {
      const { code, err } = await resume(cwd, from, "--out-dir", "new");
      expect(err).toContain(message);
      expect(err).toContain(hint);
      expect(code).toBe(2);
    }
    const none = await resume(cwd, "latest", "--out-dir", "new");
    expect([none.code, none.err]).toEqual([
      2,
      expect.stringContaining("new holds no checkpoint to go on from"),
    ]);
    expect(existsSync(join(cwd, "new"))).toBe(false);
  });
  test("another spec: the keys that differ, with both values; the run's own spec stays", async () => {
    const cwd = await begun("--steps", "2");
    const { code, err } = await resume(cwd, "latest", "--set", "length=9 steps");
    expect(code).toBe(1);
    expect(err).toContain("runs/Train/checkpoint-2 belongs to another spec");
    expect(err).toContain("recipe.length.value: 6 in the run, 9 now");
    expect((await resume(cwd, "latest")).code).toBe(0);
  });
  test("another seed", async () => {
    const cwd = await begun("--steps", "2", "--seed", "3");
    const { code, err } = await resume(cwd, "latest", "--seed", "4");
    expect([code, err]).toEqual([
      2,
      expect.stringContaining("--seed 4: the run goes on with its own, 3"),
    ]);
  });
  test("a finished run that is asked for no further step is left as it is", async () => {
    const cwd = await begun("--steps", "4");
    const report = join(cwd, "runs/Train/report.html");
    const before = statSync(report).mtimeMs;
    for (const steps of ["4", "2"]) {
      const { code, out, err } = await resume(cwd, "latest", "--steps", steps);
      expect([code, out]).toEqual([0, ""]);
      expect(err).toContain("already at step 4 of 6, nothing to do");
      expect(err).toContain("pass --steps M with M > 4 to go on");
      expect(err).not.toContain("training Tiny");
    }
    expect(statSync(report).mtimeMs).toBe(before);
    const told = await resume(cwd, "latest", "--steps", "4", "--json");
    expect(JSON.parse(told.out)).toMatchObject({ status: "finished", step: 4, run: "runs/Train" });
    const more = await resume(cwd, "latest", "--steps", "5");
    expect([more.code, more.err]).toEqual([
      0,
      expect.stringContaining("after step 4: 1 step of 4 × 16 = 64 tokens to step 5"),
    ]);
    expect((await resume(cwd, "latest", "--steps", "7")).err).toContain(
      "--steps 7: the recipe ends after 6 steps",
    );
  });
  test("a run that stopped later than is asked for is left alone; one that lacks its end alone gets it", async () => {
    const cwd = await begun("--steps", "4");
    rmSync(join(cwd, "runs/Train/report.html"));
    const past = await resume(cwd, "latest", "--steps", "2");
    expect([past.code, past.err]).toEqual([
      0,
      expect.stringContaining("is a run that stopped after its checkpoint at step 4"),
    ]);
    expect(existsSync(join(cwd, "runs/Train/report.html"))).toBe(false);
    const end = await resume(cwd, "latest", "--steps", "4");
    expect([end.code, end.err]).toEqual([
      0,
      expect.stringContaining("after step 4, its last: the files of its end are left to write"),
    ]);
    expect(existsSync(join(cwd, "runs/Train/report.html"))).toBe(true);
  });
  test("from a checkpoint elsewhere, the run in the folder is moved aside", async () => {
    const cwd = await begun("--steps", "2");
    await specc(
      ["train", "model.arch", "-q", "--engine", "cpu", "--out-dir", "other", "--steps", "1"],
      { cwd },
    );
    const { code, err } = await resume(cwd, "runs/Train/checkpoint-2", "--out-dir", "other");
    expect([code, err]).toEqual([0, expect.stringContaining("moved to other.1")]);
    expect(existsSync(join(cwd, "other.1/checkpoint-1"))).toBe(true);
  });
  test("a run trained from its own folder is told what goes on with it, where something does", async () => {
    const cwd = await begun("--steps", "4");
    const told = async (...args: readonly string[]): Promise<string> => {
      const { code, err } = await specc(["train", "runs/Train", "--engine", "cpu", ...args], {
        cwd,
      });
      expect([code, err]).toEqual([2, expect.stringContaining("--out-dir <dir> trains elsewhere")]);
      return err;
    };
    expect(await told()).toContain("--resume-from-checkpoint latest goes on with it\n");
    for (const steps of ["4", "2"])
      expect(await told("--steps", steps)).toContain("to step 6, with --steps M to a step M > 4\n");
    expect((await resume(cwd, "latest")).code).toBe(0);
    for (const args of [[], ["--steps", "2"]]) {
      const err = await told(...args);
      expect(err).toContain("a finished run of 6 steps");
      expect(err).toContain("its recipe is at its end");
      expect(err).not.toContain("--resume-from-checkpoint");
    }
  });
  test.each(["trainer_state.json", "optimizer.safetensors"])(
    "a damaged %s is told before anything is said to go on",
    async (name) => {
      const cwd = await begun("--steps", "2");
      writeFileSync(join(cwd, "runs/Train/checkpoint-2", name), "{");
      const { code, err } = await resume(cwd, "latest");
      expect([code, err]).toEqual([1, expect.stringContaining(name)]);
      expect(err).not.toContain("going on with");
    },
  );
  test("weights that are no numbers are named when they are loaded", async () => {
    const cwd = await begun();
    for (const [file, command] of [
      [
        "runs/Train/checkpoint-6/model.safetensors",
        ["train", "model.arch", "--resume-from-checkpoint", "latest"],
      ],
      ["runs/Train/model.safetensors", ["eval", "runs/Train"]],
    ] as const) {
      const path = join(cwd, file);
      const { tensors, metadata } = readSafetensors(new Uint8Array(readFileSync(path)));
      tensors["model.layers.1.mlp.up_proj.weight"]!.data[5] = NaN;
      writeFileSync(path, writeSafetensors(tensors, metadata));
      rmSync(join(cwd, "runs/Train/report.html"), { force: true });
      const { code, err } = await specc([...command], { cwd });
      expect(code).toBe(1);
      expect(err).toContain(`${file}: model.layers.1.mlp.up_proj.weight holds NaN`);
    }
  });
});
