// The process dies without warning, in the middle of a step or of a checkpoint: what lies on the disk goes on as if it had not.
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { losses, missing, run, STEPS, trainingProject } from "./here.ts";

const ARGV = ["train", "model.arch", "--out-dir", "run", "--engine", "tensorflow"] as const;
const pause = (): Promise<void> => new Promise((done) => setImmediate(done));

/** Starts a training in a process of its own and kills it as soon as `now` says so. False: it had ended before. */
const killed = async (cwd: string, now: () => boolean, ...more: string[]): Promise<boolean> => {
  const argv = [resolve("bin/specc.js"), ...ARGV, "-q", ...more];
  const child = spawn(process.execPath, argv, { cwd, env: process.env, stdio: "ignore" });
  const ended = new Promise<NodeJS.Signals | null>((done) => {
    child.on("exit", (_, signal) => {
      done(signal);
    });
  });
  while (child.exitCode === null && !now()) await pause();
  child.kill("SIGKILL");
  return (await ended) === "SIGKILL";
};
const namesIn = (cwd: string): readonly string[] =>
  existsSync(join(cwd, "run")) ? readdirSync(join(cwd, "run")) : [];
const stepsDone = (cwd: string): number =>
  namesIn(cwd).includes("metrics.jsonl") ? losses(cwd, "run").length : 0;

const straight = async (): Promise<readonly number[]> => {
  const cwd = trainingProject();
  expect((await run(cwd, ...ARGV)).code).toBe(0);
  return losses(cwd, "run");
};
const resumed = async (cwd: string): Promise<readonly number[]> => {
  const { code, err } = await run(cwd, ...ARGV, "--resume-from-checkpoint", "latest");
  expect(code, err).toBe(0);
  return losses(cwd, "run");
};

describe.skipIf(missing !== undefined)("SIGKILL", () => {
  test("during a step", async () => {
    const cwd = trainingProject();
    expect(await killed(cwd, () => stepsDone(cwd) >= 13)).toBe(true);
    expect(stepsDone(cwd)).toBeLessThan(STEPS);
    expect(await resumed(cwd)).toEqual(await straight());
  });
  test("during a checkpoint", async () => {
    const cwd = trainingProject();
    // one checkpoint is whole before, so that there is something to go on from
    const isSaving = (): boolean => {
      const names = namesIn(cwd);
      return (
        names.some((name) => /^checkpoint-\d+$/.test(name)) &&
        names.some((name) => name.endsWith(".partial"))
      );
    };
    const resume = ["--resume-from-checkpoint", "latest"];
    expect(await killed(cwd, isSaving)).toBe(true);
    // the kill may come when the folder has its name already: then the next one
    while (!namesIn(cwd).some((name) => name.endsWith(".partial")))
      expect(await killed(cwd, isSaving, ...resume)).toBe(true);
    const found = await resumed(cwd);
    expect(namesIn(cwd).some((name) => name.endsWith(".partial"))).toBe(false);
    expect(found).toEqual(await straight());
  });
});
