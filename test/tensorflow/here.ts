// What the tests of the tensorflow engine share: whether there is one, a project that trains long enough to compare, its losses.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { tensorflowEngine } from "../../src/runtime/node/index.ts";
import { project, specc, TINY, type Ran } from "../cli/run.ts";

/** Why the tests are skipped; undefined where TensorFlow was added to this machine. */
export const missing = await tensorflowEngine().available();

export const STEPS = 50;
/** @param recipe what replaces the line of the batch */
export const trainingProject = (recipe = "batch = 4 sequences"): string =>
  project({
    "model.arch": TINY.replace("batch     = 4 sequences", recipe).replace(
      "length    = 6 steps",
      `length    = ${STEPS} steps\n  save_every = 5 steps`,
    ),
  });

/** The command line as a user has it, TensorFlow included. */
export const run = (cwd: string, ...argv: readonly string[]): Promise<Ran> =>
  specc(argv, { cwd, env: process.env });

/** Whole lines only: another process may be writing the last one. */
export const rows = (cwd: string, out: string): readonly Readonly<Record<string, number>>[] =>
  readFileSync(join(cwd, out, "metrics.jsonl"), "utf8")
    .split("\n")
    .slice(1, -1)
    .map((line) => JSON.parse(line) as Record<string, number>);
export const losses = (cwd: string, out: string): readonly number[] =>
  rows(cwd, out).flatMap((row) => row["train/loss"] ?? []);
