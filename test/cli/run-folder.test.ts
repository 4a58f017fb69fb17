// Folders that training and building write to: what somebody else has put there stays, whatever is asked.
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { project, specc, TINY, type Ran } from "./run.ts";

const ONE_STEP = TINY.replace("6 steps", "1 steps");
const small = (files: Readonly<Record<string, string>> = {}): string =>
  project({ "model.arch": ONE_STEP, ...files });
const train = (cwd: string, ...args: readonly string[]): Promise<Ran> =>
  specc(["train", "model.arch", "--engine", "cpu", ...args], { cwd });

describe("a folder with somebody else's files", () => {
  test("is refused by train and build, with and without --overwrite, and keeps every file", async () => {
    const cwd = small({
      "mine/notes.txt": "mine",
      "mine/README.md": "mine",
      "mine/metrics.jsonl": "{}\n",
    });
    for (const command of [
      ["train", "model.arch", "--out-dir", "mine"],
      ["train", "model.arch", "--out-dir", "mine", "--overwrite"],
      ["train", "model.arch", "--out-dir", "."],
      ["build", "model.arch", "-o", "mine"],
    ]) {
      const { code, err } = await specc(command, { cwd });
      expect(err).toMatch(/(mine|\.) holds files that specc has not made: /);
      expect([code, err]).toEqual([2, expect.stringContaining("choose an empty or a new folder")]);
    }
    expect(readdirSync(join(cwd, "mine")).sort()).toEqual([
      "README.md",
      "metrics.jsonl",
      "notes.txt",
    ]);
    expect(readFileSync(join(cwd, "mine/README.md"), "utf8")).toBe("mine");
  });
  test("a manifest of another program makes no run", async () => {
    const cwd = small({ "mine/specc-manifest.json": '{"generator":{"name":"other"},"files":[]}' });
    expect((await train(cwd, "--out-dir", "mine")).code).toBe(2);
  });
  test("an empty folder will do, and one that a killed start has left", async () => {
    const cwd = small({ "killed/specc.lock": "", "killed/README.md": "half" });
    mkdirSync(join(cwd, "empty"));
    expect((await train(cwd, "-q", "--out-dir", "empty")).code).toBe(0);
    const lock = { pid: 2 ** 30, host: hostname(), since: "2026-01-01T00:00:00Z", born: null };
    writeFileSync(join(cwd, "killed/specc.lock"), JSON.stringify(lock));
    expect((await train(cwd, "-q", "--out-dir", "killed")).code).toBe(0);
    expect(existsSync(join(cwd, "killed/specc.lock"))).toBe(false);
  });
  test("what lies among a run's files outlives --overwrite and moving aside", async () => {
    const cwd = small();
    await train(cwd, "-q");
    const run = join(cwd, "runs/Train");
    writeFileSync(join(run, "notes.txt"), "mine");
    mkdirSync(join(run, "plots"));
    writeFileSync(join(run, "plots/a.svg"), "mine");
    const dropped = await train(cwd, "--overwrite");
    expect(dropped.err).toContain("dropped a finished run of 1 step from runs/Train");
    expect((await train(cwd)).err).toContain("moved to runs/Train.1");
    for (const file of ["notes.txt", "plots/a.svg"])
      expect(readFileSync(join(run, file), "utf8")).toBe("mine");
    expect(readdirSync(join(cwd, "runs/Train.1"))).toContain("model.safetensors");
    expect(readdirSync(join(cwd, "runs/Train.1"))).not.toContain("notes.txt");
  });
  test("weights that lie in a bundle are not trained over", async () => {
    const cwd = small();
    await specc(["build", "model.arch", "-o", "out", "-q"], { cwd });
    writeFileSync(join(cwd, "out/model.safetensors"), "mine");
    const { code, err } = await specc(["train", "out", "--out-dir", "out"], { cwd });
    expect([code, err]).toEqual([2, expect.stringContaining("weights that no training has made")]);
  });
});

describe("a start that fails", () => {
  test.each([
    ["no data", ["--set", 'data.files = "none/*.txt"']],
    ["no engine", ["--engine", "tensorflow"]],
    ["no checkpoint", ["--resume-from-checkpoint", "gone"]],
  ])("%s: the earlier run lies as it lay", async (_what, args) => {
    const cwd = small();
    await train(cwd, "-q");
    const before = readdirSync(join(cwd, "runs/Train"), { recursive: true });
    const { code } = await specc(["train", "model.arch", ...args], { cwd });
    expect(code).not.toBe(0);
    expect(readdirSync(join(cwd, "runs"))).toEqual(["Train"]);
    expect(readdirSync(join(cwd, "runs/Train"), { recursive: true })).toEqual(before);
    expect(
      (await specc(["train", "model.arch", "--out-dir", "new", ...args], { cwd })).code,
    ).not.toBe(0);
    expect(existsSync(join(cwd, "new"))).toBe(false);
  });
});

describe("two at once", () => {
  test("the second is told who is at work; a lock of a dead process holds nobody up", async () => {
    const cwd = small({ "runs/Train/specc.lock": "" });
    const lock = (holder: object): void =>
      writeFileSync(join(cwd, "runs/Train/specc.lock"), JSON.stringify(holder));
    const since = "2026-01-02T03:04:05Z";
    const sleeper = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"]);
    try {
      lock({ pid: sleeper.pid, host: hostname(), since, born: null });
      for (const command of [
        ["train", "model.arch"],
        ["build", "model.arch", "-o", "runs/Train"],
      ]) {
        const { code, err } = await specc(command, { cwd });
        expect(code).toBe(2);
        expect(err).toContain(
          `another specc is at work in runs/Train: process ${String(sleeper.pid)}, since 2026-01-02 03:04 UTC`,
        );
      }
      // an id that came back is another process
      lock({ pid: sleeper.pid, host: hostname(), since, born: "1" });
      if (process.platform === "linux") expect((await train(cwd, "-q")).code).toBe(0);
    } finally {
      sleeper.kill();
    }
    mkdirSync(join(cwd, "runs/Train"), { recursive: true });
    lock({ pid: 1, host: "elsewhere", since, born: null });
    expect((await train(cwd)).err).toContain("process 1 on elsewhere");
  });
  test("of two that begin together one trains and the other writes nothing", async () => {
    const cwd = small();
    const both = await Promise.all([train(cwd), train(cwd)]);
    expect(both.map(({ code }) => code).sort()).toEqual([0, 2]);
    expect(both.find(({ code }) => code === 2)?.err).toContain("another specc is at work");
    expect(readdirSync(join(cwd, "runs"))).toEqual(["Train"]);
  });
});

describe("build", () => {
  test("builds again over its own, and not over a run of another spec", async () => {
    const cwd = small();
    expect((await specc(["build", "model.arch", "-o", "out"], { cwd })).code).toBe(0);
    expect((await specc(["build", "model.arch", "-o", "out"], { cwd })).err).toContain("0 written");
    await train(cwd, "-q");
    expect((await specc(["build", "model.arch", "-o", "runs/Train", "-q"], { cwd })).code).toBe(0);
    const other = await specc(
      ["build", "model.arch", "-o", "runs/Train", "--set", "length=9 steps"],
      { cwd },
    );
    expect([other.code, other.err]).toEqual([
      2,
      expect.stringContaining("holds a finished run of 1 step of another spec"),
    ]);
  });
});

test("a run reached through a link is trained in place, not moved away under its own feet", async () => {
  const cwd = small();
  await train(cwd, "-q");
  symlinkSync(join(cwd, "runs/Train"), join(cwd, "link"));
  const { code, err } = await specc(["train", "link"], { cwd });
  expect([code, err]).toEqual([2, expect.stringContaining("holds a finished run of 1 step")]);
});
