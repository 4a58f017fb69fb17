// The program as the system sees it: broken pipes, full disks, signals at odd moments. Runs the compiled command in processes of
// its own.
import { spawn } from "node:child_process";
import {
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { folder, project, TINY, until, type Ran } from "./run.ts";

const SCRIPT = resolve("bin/specc.js");
const built = existsSync("dist/src/cli/main.js");
const LONG = TINY.replace("6 steps", "2000 steps\n  save_every = 50 steps");

type Output = "pipe" | "closed" | number;
interface Started {
  readonly ended: Promise<Ran & { readonly signal: NodeJS.Signals | null }>;
  readonly kill: (signal: NodeJS.Signals) => void;
}
const start = (
  args: readonly string[],
  cwd: string,
  { out = "pipe", err = "pipe" }: { readonly out?: Output; readonly err?: Output } = {},
): Started => {
  const stream = (which: Output): "pipe" | number => (which === "closed" ? "pipe" : which);
  const child = spawn(process.execPath, [SCRIPT, ...args], {
    cwd,
    env: { ...process.env, LANG: "C.UTF-8", SPECC_CACHE_DIR: join(cwd, "no-cache") },
    stdio: ["ignore", stream(out), stream(err)],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const text = { out: "", err: "" };
  child.stdout?.on("data", (part: Buffer) => (text.out += part.toString()));
  child.stderr?.on("data", (part: Buffer) => (text.err += part.toString()));
  if (out === "closed") child.stdout?.destroy();
  if (err === "closed") child.stderr?.destroy();
  return {
    kill: (signal) => child.kill(signal),
    ended: new Promise((done) =>
      child.on("close", (code, signal) => done({ ...text, code: code ?? -1, signal })),
    ),
  };
};
const metrics = (cwd: string): string => {
  const file = join(cwd, "runs/Train/metrics.jsonl");
  return existsSync(file) ? readFileSync(file, "utf8") : "";
};
const checkpoints = (cwd: string): readonly string[] =>
  readdirSync(join(cwd, "runs/Train")).filter((name) => name.startsWith("checkpoint-"));

describe.runIf(built && process.platform === "linux")("a process", () => {
  test("goes on training when nobody hears its talk, and saves", async () => {
    const cwd = project();
    const { code, signal } = await start(["train", "model.arch"], cwd, {
      out: "closed",
      err: "closed",
    }).ended;
    expect([code, signal]).toEqual([0, null]);
    expect(readdirSync(join(cwd, "runs/Train"))).toContain("model.safetensors");
    expect(readdirSync(join(cwd, "runs/Train"))).not.toContain("specc.lock");
  });
  test("ends quietly when the reader of its data goes", async () => {
    const { code, err } = await start(["explain", "gpas"], folder(), { out: "closed" }).ended;
    expect([code, err]).toEqual([0, ""]);
  });
  test("says in a line that standard output cannot be written", async () => {
    const full = openSync("/dev/full", "w");
    const { code, err } = await start(["explain", "gpas"], folder(), { out: full }).ended;
    expect([code, err]).toEqual([2, "error: cannot write to standard output: the disk is full\n"]);
  });
  test.each([
    ["SIGINT", 130],
    ["SIGHUP", 129],
  ] as const)("%s saves a checkpoint and gives %i", async (signal, exit) => {
    const cwd = project({ "model.arch": LONG });
    const running = start(["train", "model.arch"], cwd);
    await until(() => metrics(cwd).includes('"step":3,'), running.ended);
    running.kill(signal);
    const { code, err } = await running.ended;
    expect(code).toBe(exit);
    expect(err).toContain("stopping: a checkpoint is saved first");
    expect(checkpoints(cwd)).toHaveLength(1);
  });
  test("a second signal ends it at once, and says which steps are lost; its lock goes", async () => {
    const cwd = project({ "model.arch": LONG });
    const running = start(["train", "model.arch"], cwd);
    await until(() => metrics(cwd).includes('"step":60,'), running.ended);
    // both before it looks again
    running.kill("SIGSTOP");
    running.kill("SIGINT");
    running.kill("SIGTERM");
    running.kill("SIGCONT");
    const { code, err } = await running.ended;
    expect([130, 143]).toContain(code);
    const [, first, last] = /stopped at once: steps (\d+) to (\d+) are not saved/.exec(err) ?? [];
    const saved = Number(first) - 1;
    expect(Number(last)).toBeGreaterThan(saved);
    expect(err).toContain(`to go on after step ${saved}: `);
    expect(readdirSync(join(cwd, "runs/Train"))).not.toContain("specc.lock");
    expect(checkpoints(cwd)).toContain(`checkpoint-${saved}`);
  });
  test("a signal before the first step ends it at once, and nothing was made", async () => {
    const cwd = project({ "model.arch": LONG });
    const running = start(["train", "model.arch"], cwd);
    setTimeout(() => running.kill("SIGINT"), 300);
    const { code, signal } = await running.ended;
    expect([code, signal]).toEqual([-1, "SIGINT"]);
    expect(existsSync(join(cwd, "runs"))).toBe(false);
  });
  test("killed in the middle, it goes on from its last checkpoint; its lock holds nobody up", async () => {
    const cwd = project({ "model.arch": LONG.replace("2000", "120") });
    const running = start(["train", "model.arch"], cwd);
    await until(() => metrics(cwd).includes('"step":60,'), running.ended);
    running.kill("SIGKILL");
    await running.ended;
    expect(readdirSync(join(cwd, "runs/Train"))).toContain("specc.lock");
    const again = await start(["train", "model.arch", "--resume-from-checkpoint", "latest"], cwd)
      .ended;
    expect([again.code, again.err]).toEqual([
      0,
      expect.stringMatching(/after step (50|100): (70|20) steps/),
    ]);
  });
});

describe.runIf(built && process.platform === "linux")("what the system refuses", () => {
  const says = async (args: readonly string[], cwd: string, what: string): Promise<void> => {
    const { code, err } = await start(args, cwd).ended;
    expect(err).toContain(what);
    expect(err).not.toContain("bug in specc");
    expect(code).toBe(2);
  };
  test("is told with the path and the reason, in one line", async () => {
    const cwd = project({ file: "" });
    symlinkSync("round", join(cwd, "round"));
    const long = "x".repeat(300);
    await says(
      ["check", "round"],
      cwd,
      "cannot read round: its symbolic links go round in a circle",
    );
    await says(["train", "round"], cwd, "cannot read round: its symbolic links");
    await says(["init", "file/project"], cwd, "a part of the path is a file, not a folder");
    await says(["init", "file"], cwd, "file is a file; init makes a folder");
    await says(["init", long], cwd, "the name is too long");
    await says(["init", ""], cwd, "init needs the name of a folder");
    await says(
      ["build", "model.arch", "-o", "file/out"],
      cwd,
      "cannot write file/out: a part of the path",
    );
    await says(["build", "model.arch", "-o", "round"], cwd, "its symbolic links");
    await says(
      ["inspect", "model.arch", "--svg", "file/a.svg"],
      cwd,
      "cannot write file/a.svg: a file lies in its way",
    );
    await says(
      ["train", "model.arch", "--out-dir", "file/out"],
      cwd,
      "cannot write file/out: a part of",
    );
  });
  test("a working directory that is gone", async () => {
    const cwd = folder();
    const gone = `cd "$0" && rmdir "$0" && exec "$1" "$2" check x.arch`;
    const child = spawn("sh", ["-c", gone, cwd, process.execPath, SCRIPT]);
    let err = "";
    child.stderr.on("data", (part: Buffer) => (err += part.toString()));
    const code = await new Promise((done) => child.on("close", done));
    expect([code, err]).toEqual([2, "error: the working directory is gone\n"]);
  });
  test("fmt changes the file behind a link", async () => {
    const cwd = folder({ "a.arch": "spec 1\nlet  a=1\n" });
    symlinkSync("a.arch", join(cwd, "link.arch"));
    expect((await start(["fmt", "link.arch"], cwd).ended).code).toBe(0);
    expect(readFileSync(join(cwd, "a.arch"), "utf8")).toContain("let a = 1");
    expect(
      readdirSync(cwd, { withFileTypes: true })
        .find((e) => e.name === "link.arch")
        ?.isSymbolicLink(),
    ).toBe(true);
    writeFileSync(join(cwd, "a.arch"), "spec 1\n");
  });
});
