// A model on one page: specc inspect, its table, its picture and its programs.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { project, specc, TINY, type Ran } from "./run.ts";

describe("inspect", () => {
  test("counts parameters as the shapes say", async () => {
    const { code, out } = await specc(["inspect", "--json", "model.arch"], { cwd: project() });
    const found = JSON.parse(out) as {
      parameters: number;
      bytes: { weights: number; optimizer: number };
      layers: { name: string; parameters: number }[];
    };
    const [V, D, F] = [256, 16, 24];
    const block = 4 * D * D + 3 * D * F + 2 * D + 1;
    expect(code).toBe(0);
    expect(found.layers.find((l) => l.name === "blocks.1")?.parameters).toBe(block);
    const heads = found.parameters - V * D - 2 * block - D; // 0 when tied
    expect([0, V * D]).toContain(heads);
    expect(found.bytes).toMatchObject({
      weights: 4 * found.parameters,
      optimizer: 8 * found.parameters,
    });
  });
  test("alike layers are one row of the table", async () => {
    const { out } = await specc(["inspect", "model.arch"], { cwd: project() });
    expect(out).toContain("blocks[0 .. 2]");
    expect(out).toContain("optimizer state");
  });
  test("what layers of alike sizes do differently is told beside them", async () => {
    const set = (window: string): Promise<Ran> =>
      specc(["inspect", "model.arch", "--set", `blocks.attention.window=${window}`], {
        cwd: project({ "model.arch": TINY.replace("blocks 2", "blocks 7") }),
      });
    const turns = await set("if mod(l, 3) == 0 then none else 4");
    expect(turns.out).toContain("blocks[0 .. 7]");
    expect(turns.out).toContain(
      [
        "attention  mha, heads 2 · rope · window 4  blocks 0–1, 3–4, 6",
        "           mha, heads 2 · rope             blocks 2, 5",
      ].join("\n"),
    );
    expect((await set("4")).out).not.toContain("window");
  });
  test("layers stand in the order in which data passes", async () => {
    const text = TINY.replace("  blocks 2", "  embedding = token(norm: rmsnorm())\n  blocks 2");
    const cwd = project({ "model.arch": text.replace("rope()", "learned()") });
    const { out } = await specc(["inspect", "--json", "model.arch"], { cwd });
    const { layers } = JSON.parse(out) as { readonly layers: readonly { readonly name: string }[] };
    expect(layers.map(({ name }) => name)).toEqual([
      ...["embedding", "position", "embedding_norm", "blocks.0", "blocks.1", "final_norm", "head"],
    ]);
  });
  test("shows nothing that is not there, and names every row", async () => {
    const cwd = project({ "model.arch": TINY.split("recipe")[0]! });
    const { out } = await specc(["inspect", "model.arch"], { cwd });
    expect(out).toMatch(/^activations +\S+ \S+ +most at once in a forward pass$/m);
    expect(out).toMatch(/^cache +\d/m);
  });
  test("layers that take turns are drawn once", async () => {
    const turns = TINY.replace("blocks 2", "blocks 12").replace(
      "position: rope()",
      "position: rope(), window: if mod(l, 3) == 0 then none else 4",
    );
    const cwd = project({ "model.arch": turns });
    await specc(["inspect", "-q", "--svg", "model.svg", "model.arch"], { cwd });
    const svg = readFileSync(join(cwd, "model.svg"), "utf8");
    expect(svg).toContain("× 4");
    for (const line of ["blocks.0–11", "2 + 1 in turn"]) expect(svg).toContain(`>${line}</text>`);
    expect(svg.match(/class="panel"/g)).toHaveLength(1);
    expect(svg).toContain("init 0");
    const set = ["--set", "blocks.scaling.init = 1 / 3"];
    await specc(["inspect", "-q", "--svg", "set.svg", "model.arch", ...set], { cwd });
    expect(readFileSync(join(cwd, "set.svg"), "utf8")).toContain("init 0.3333 ");
  });
  test("none of something by default is not told", async () => {
    const sharing = (shared: string): string =>
      TINY.replace(/swiglu\(.*\)/, `moe(experts: 4, top_k: 2, intermediate: 8${shared})`);
    for (const [shared, told] of [
      ["", false],
      [", shared: 1", true],
    ] as const) {
      const cwd = project({ "model.arch": sharing(shared) });
      await specc(["inspect", "-q", "--svg", "model.svg", "model.arch"], { cwd });
      expect(readFileSync(join(cwd, "model.svg"), "utf8").includes("shared")).toBe(told);
    }
  });
  test("a block that stands once is not counted", async () => {
    const cwd = project({ "model.arch": TINY.replace("blocks 2", "blocks 1") });
    await specc(["inspect", "-q", "--svg", "model.svg", "model.arch"], { cwd });
    const svg = readFileSync(join(cwd, "model.svg"), "utf8");
    expect(svg).toContain(">blocks.0</text>");
    expect(svg).not.toContain("× 1<");
  });
  test("is SVG, whatever it is called", async () => {
    const { code, err } = await specc(["inspect", "--svg", "model.png", "model.arch"], {
      cwd: project(),
    });
    expect([code, err]).toEqual([2, expect.stringContaining("--svg model.png is no .svg file")]);
  });
  test("draws a picture that is well-formed and names what it shows", async () => {
    const cwd = project();
    await specc(["inspect", "-q", "--svg", "out/model.svg", "model.arch"], { cwd });
    const svg = readFileSync(join(cwd, "out/model.svg"), "utf8");
    for (const word of ["rmsnorm", "mha", "swiglu", "gpas", "× 2", "blocks.0–1", "logits"])
      expect(svg).toContain(word);
    expect(svg.match(/<[a-z]/g)?.length).toBeGreaterThan(30);
  });
  test("draws a shortcut around what is added to the stream, and none where the layer stands in its place", async () => {
    const arcs = async (ffn: string, norm = "pre()"): Promise<number> => {
      const model = TINY.replace("swiglu(intermediate: 24)", ffn).replace(
        "pre(rmsnorm(eps: 1e-6))",
        norm,
      );
      const cwd = project({ "model.arch": model });
      const { err } = await specc(["inspect", "-q", "--svg", "m.svg", "model.arch"], { cwd });
      expect(err).toBe("");
      const svg = readFileSync(join(cwd, "m.svg"), "utf8");
      expect(svg).toContain("experts 4");
      return svg.match(/q-10 0 -10 10/g)?.length ?? 0;
    };
    const sizes = "experts: 4, top_k: 2, intermediate: 8";
    expect(await arcs(`moe(${sizes})`)).toBe(2);
    expect(await arcs(`moe(${sizes}, residual: inner)`)).toBe(1);
    expect(await arcs(`coe(${sizes}, residual: both)`)).toBe(2);
    expect(await arcs(`coe(${sizes})`)).toBe(1);
    expect(await arcs(`coe(${sizes})`, "parallel()")).toBe(0);
  });
  test("tells what does not fit in one line of a box in more", async () => {
    const ffn = "coe(experts: 4, top_k: 2, intermediate: 8, shared: 1, capacity: 1.5)";
    const cwd = project({ "model.arch": TINY.replace("swiglu(intermediate: 24)", ffn) });
    await specc(["inspect", "-q", "--svg", "m.svg", "model.arch"], { cwd });
    const svg = readFileSync(join(cwd, "m.svg"), "utf8");
    expect(svg).toContain(">experts 4 · top k 2 · intermediate 8 · shared 1<");
    expect(svg).toContain(">iterations 2 · per_iteration softmax · inner<");
    expect(svg).toContain(">capacity 1.5<");
    expect(svg).not.toContain("…");
  });
  test("prints a program after each pass", async () => {
    const cwd = project();
    const first = async (...set: readonly string[]): Promise<string> =>
      (await specc(["inspect", "model.arch", "--print-ir", ...set], { cwd })).out;
    expect(await first()).toContain("graph train_step(");
    expect(await first("--set", "micro=2 sequences")).toContain("graph accumulate(");
    const built = await specc(["inspect", "model.arch", "--print-ir", "--program", "forward"], {
      cwd,
    });
    expect(built.out).toContain("attention");
    const line = TINY.split("\n").findIndex((text) => text.includes("attention = ")) + 1;
    expect(built.out).toMatch(new RegExp(`\\(attention .* ; model\\.arch:${line}\n`));
    const expanded = await specc(
      ["inspect", "model.arch", "--print-ir=after:expand", "--program", "forward"],
      { cwd },
    );
    expect(expanded.out).not.toContain("rmsNorm");
    expect(
      (await specc(["inspect", "model.arch", "--print-ir=after:magic"], { cwd })).err,
    ).toContain("eliminate-dead");
  });
});

test("a bundle whose spec is not the one it was built from is told, not believed", async () => {
  const cwd = project();
  await specc(["build", "model.arch", "-o", "out", "-q"], { cwd });
  const file = join(cwd, "out/spec.json");
  const spec = readFileSync(file, "utf8");
  expect((await specc(["inspect", "out"], { cwd })).code).toBe(0);
  for (const text of ["[", "[]", '{"edition":1,"model":{}}', spec.replace("16", "32")]) {
    writeFileSync(file, text);
    const { code, err } = await specc(["inspect", "out"], { cwd });
    expect([code, err]).toEqual([
      1,
      "error: out/spec.json is not what the bundle was built from: damaged, or changed since\n  build the bundle again\n",
    ]);
  }
});
