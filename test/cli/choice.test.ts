// A file with several recipes: what each command does with --recipe, and what it says where none is named.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { project, specc, TINY } from "./run.ts";

const SECOND = `
recipe Sparse for Tiny {
  data     = text("data/*.txt", tokenizer: bytes(), sequence: 16)
  sparsity { * => fixed(density: 50%) }
}

recipe Long {
  data = text("data/*.txt", tokenizer: bytes(), sequence: 64)
}

model Other {
  vocab_size  = 128
  hidden_size = 8
  context     = 64

  blocks 1 {
    attention = mha(heads: 2, position: rope())
    ffn       = swiglu(intermediate: 16)
    norm      = pre(rmsnorm())
  }
}
`;
const two = (): string => project({ "model.arch": TINY + SECOND.split("recipe Long")[0]! });
const all = (): string => project({ "model.arch": TINY + SECOND });

describe("several recipes", () => {
  test("inspect says that it shows the model without one, and with one counts what its masks leave", async () => {
    const cwd = two();
    const open = await specc(["inspect", "model.arch"], { cwd });
    expect(open.err).toContain("without a recipe: the file declares 2 recipes: Train, Sparse");
    expect(open.out).not.toContain("density");
    const { err, out } = await specc(["inspect", "model.arch", "--recipe", "Sparse"], { cwd });
    expect([err, out]).toEqual(["", expect.stringContaining("density")]);
    expect((await specc(["inspect", "-q", "model.arch"], { cwd })).err).toBe("");
  });
  test("check holds a model and a recipe against each other that the file does not join", async () => {
    const cwd = all();
    const check = (...args: readonly string[]) => specc(["check", "model.arch", ...args], { cwd });
    expect((await check()).code).toBe(0);
    expect((await check("--model", "Other", "--recipe", "Long")).err).toContain("SPC4004");
    const long = await check("--model", "Tiny", "--recipe", "Long");
    expect([long.code, long.err]).toEqual([1, expect.stringContaining("do not fit the context")]);
    const apart = await check("--model", "Other", "--recipe", "Train");
    expect([apart.code, apart.err]).toEqual([2, expect.stringContaining("is for Tiny, not for")]);
    const none = await check("--model", "Tiny", "--recipe", "None");
    expect([none.code, none.err]).toEqual([2, expect.stringContaining("declares Train, Sparse")]);
    const both = await specc(["check", "model.arch", ".", "--recipe", "Long"], { cwd: project() });
    expect(both.code).toBe(2);
  });
  test("export takes the model of a recipe", async () => {
    const cwd = all();
    const exported = (...args: readonly string[]) =>
      specc(["export", "model.arch", "-o", "out", ...args], { cwd });
    expect((await exported()).err).toContain("declares 2 models");
    const { err } = await exported("--recipe", "Train");
    expect(err).not.toContain("declares 2 models");
    expect(existsSync(join(cwd, "out"))).toBe(false);
  });
});
