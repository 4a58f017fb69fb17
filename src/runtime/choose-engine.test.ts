// The engine asked for, or the fastest that works here and has programs in the bundle; a refusal says what there is instead.
import { expect, test } from "vitest";
import type { Engine } from "../bundle/engine.ts";
import { chooseEngine } from "./choose-engine.ts";

const engine = (name: string, reason?: string): Engine => ({
  name,
  available: async () => reason,
  open: () => Promise.reject(new Error("not opened here")),
});
const [fast, slow] = [engine("fast", "not installed (add it)"), engine("slow")];
const numerics = { products: "f32", tf32: false, deterministic: false } as const;
const builtFor = (...engines: string[]) => ({ engines, numerics });
const both = builtFor("fast", "slow");

test("auto takes the first that works, and says why not the others", async () => {
  expect(await chooseEngine([engine("fast"), slow], "auto", both)).toMatchObject({
    engine: { name: "fast" },
    why: "the first that works here",
  });
  expect(await chooseEngine([fast, slow], "auto", both)).toEqual({
    engine: slow,
    why: "the first that works here; fast: not installed (add it)",
  });
  expect(await chooseEngine([engine("fast"), slow], "auto", builtFor("slow"))).toEqual({
    engine: slow,
    why: "the first that works here; fast: the bundle was built without it (for slow)",
  });
});

test("one that is asked for works or is refused with the reason", async () => {
  expect(await chooseEngine([fast, slow], "slow", both)).toEqual({
    engine: slow,
    why: "asked for",
  });
  await expect(chooseEngine([fast, slow], "fast", both)).rejects.toThrow(
    "engine fast: does not work here: not installed (add it)",
  );
  await expect(chooseEngine([engine("fast"), slow], "fast", builtFor("slow"))).rejects.toThrow(
    "engine fast: does not work here: the bundle was built without it (for slow)",
  );
  await expect(chooseEngine([fast, slow], "slwo", both)).rejects.toThrow(
    "there is no such engine (there are auto, fast, slow)",
  );
  await expect(chooseEngine([fast], "auto", both)).rejects.toThrow("no engine works here: fast:");
});

test("numbers that an engine lacks are the reason, and f32 is offered", async () => {
  const rounded = {
    engines: ["fast"],
    numerics: { ...numerics, products: "bf16" },
  } as const;
  const wide: Engine = {
    ...slow,
    available: async (wanted) => (wanted?.products === "bf16" ? "it computes in f32" : undefined),
  };
  expect((await chooseEngine([wide, engine("fast")], "auto", rounded)).why).toBe(
    "the first that works here; slow: it computes in f32",
  );
  await expect(chooseEngine([wide], "slow", rounded)).rejects.toMatchObject({
    message: "engine slow: does not work here: it computes in f32",
    help: "write precision = f32 in the recipe: every engine computes in that",
  });
});
