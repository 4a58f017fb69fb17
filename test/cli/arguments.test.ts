// What the command line says to right and wrong invocations, before any work is done.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { folder, project, specc } from "./run.ts";

const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };

describe("invocation", () => {
  test("--version prints the version alone", async () => {
    expect(await specc(["--version"], { cwd: folder() })).toEqual({
      code: 0,
      out: `${version}\n`,
      err: "",
    });
  });
  test("--help goes to standard output, lists every command and the exit codes", async () => {
    const { code, out, err } = await specc(["--help"], { cwd: folder() });
    expect([code, err]).toEqual([0, ""]);
    for (const command of "backend init check fmt build train eval generate inspect explain doctor forward".split(
      " ",
    ))
      expect(out).toContain(command);
    expect(out).toContain("Exit codes:");
  });
  test("no arguments show the help", async () => {
    expect((await specc([], { cwd: folder() })).out).toContain("Usage: specc");
  });
  test("each command has help of its own", async () => {
    const { code, out } = await specc(["train", "--help"], { cwd: folder() });
    expect(code).toBe(0);
    expect(out).toContain("--resume-from-checkpoint");
    expect(out).toContain("moved aside");
  });
  test("an unknown command suggests the one that was meant", async () => {
    const { code, out, err } = await specc(["chekc", "model.arch"], { cwd: folder() });
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain("Did you mean check?");
  });
  test("an unknown option suggests the one that was meant", async () => {
    const { code, err } = await specc(["check", "--formt", "json", "model.arch"], {
      cwd: folder(),
    });
    expect(code).toBe(2);
    expect(err).toContain("Did you mean --format?");
  });
  test("a value outside of its range is refused", async () => {
    const { code, err } = await specc(
      ["generate", "model.arch", "--prompt", "x", "--top-p", "1.5"],
      { cwd: project() },
    );
    expect(code).toBe(2);
    expect(err).toContain("Give a number above 0, at most 1.");
  });
  test("an empty text is no number", async () => {
    for (const option of ["--seed=", "--steps= "]) {
      const { code, err } = await specc(["train", "model.arch", option], { cwd: project() });
      expect([code, err]).toEqual([2, expect.stringContaining("Give a whole number from")]);
    }
  });
  test("a missing argument, a missing required option and an unknown choice are refused", async () => {
    expect((await specc(["check"], { cwd: folder() })).code).toBe(2);
    expect((await specc(["build", "model.arch"], { cwd: project() })).err).toContain("--out-dir");
    expect(
      (await specc(["train", "model.arch", "--engine", "abacus"], { cwd: project() })).err,
    ).toContain("wasm");
  });
  test("a command that follows no recipe takes none", async () => {
    const command = ["forward", "model.arch", "--inputs", "x", "--out", "y", "--recipe", "Train"];
    const { code, err } = await specc(command, { cwd: project() });
    expect([code, err]).toEqual([2, expect.stringContaining("unknown option '--recipe'")]);
  });
  test("what would change nothing is refused", async () => {
    const likeliest = ["generate", "model.arch", "--prompt", "x", "--temperature", "0"];
    for (const idle of ["--top-k=3", "--top-p=0.5"]) {
      const { code, err } = await specc([...likeliest, idle], { cwd: project() });
      expect([code, err]).toEqual([2, expect.stringContaining("changes nothing")]);
    }
  });
  test("what colours nothing takes no --color, what tells nothing no --quiet", async () => {
    for (const command of [
      ["explain", "gpas", "--color", "never"],
      ["explain", "gpas", "-q"],
      ["doctor", "--quiet"],
      ["init", "--no-color"],
      ["backend", "list", "-q"],
    ]) {
      const { code, err } = await specc(command, { cwd: folder() });
      expect([code, err]).toEqual([2, expect.stringContaining("unknown option")]);
    }
  });
  test("-o is where a command writes, wherever one says it", async () => {
    const { out: help } = await specc(["--help"], { cwd: folder() });
    const names = [...help.matchAll(/^ {2}(\w+)(?:\|\w+)? .*[<[]/gm)].map(([, name = ""]) => name);
    expect(names).toContain("inspect");
    const without: string[] = [];
    for (const name of names) {
      const { out } = await specc([name, "--help"], { cwd: folder() });
      if (/--out(?:-dir)? </.test(out) && !/-o, --out/.test(out)) without.push(name);
    }
    expect(without).toEqual([]);
  });
  test("an argument too many is named, with the option that it belongs to", async () => {
    const told = (...args: readonly string[]) => specc(args, { cwd: folder() });
    const text = await told("generate", "runs/Train", "Once upon a time");
    expect(text.code).toBe(2);
    expect(text.err).toContain(
      "generate takes one argument, runs/Train; 'Once upon a time' is one too many",
    );
    expect(text.err).toContain("write --prompt 'Once upon a time'");
    for (const args of [
      ["train", "a.arch", "b.arch"],
      ["backend", "remove", "tensorflow", "b.arch"],
      ["doctor", "b.arch"],
    ]) {
      const { code, err } = await told(...args);
      expect([code, err]).toEqual([2, expect.stringContaining("b.arch is one too many")]);
    }
  });
  test("--set needs key=value", async () => {
    const { code, err } = await specc(["check", "model.arch", "--set", "length"], {
      cwd: project(),
    });
    expect(code).toBe(2);
    expect(err).toContain("key=value");
  });
  test("a missing file is named, as it was given", async () => {
    for (const command of [
      ["check", "none.arch"],
      ["fmt", "none.arch"],
      ["train", "none.arch"],
      ["inspect", "none.arch"],
    ]) {
      const { code, err } = await specc(command, { cwd: folder() });
      expect([code, err]).toEqual([2, expect.stringContaining("none.arch")]);
    }
  });
  test("a folder without a bundle is no target", async () => {
    const { code, err } = await specc(["train", "."], { cwd: folder() });
    expect(code).toBe(2);
    expect(err).toContain("specc-manifest.json");
  });
});
