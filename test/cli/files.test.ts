// Commands that read and write sources: check, fmt, init, explain; and what no command writes over.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { folder, project, specc, TINY } from "./run.ts";

const WRONG = TINY.replace("heads: 2", "heads: 3").replace("hidden_size", "hiden_size");

describe("check", () => {
  test("a sound file is silent on standard output", async () => {
    expect(await specc(["check", "model.arch"], { cwd: project() })).toEqual({
      code: 0,
      out: "",
      err: "ok: 1 file checked\n",
    });
  });
  test("mistakes are told on standard error, with file and line, and fail", async () => {
    const { code, out, err } = await specc(["check", "model.arch"], {
      cwd: project({ "model.arch": WRONG }),
    });
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain("model.arch:6");
    expect(err).toContain("hidden_size");
    expect(err).not.toContain("\u001b[");
  });
  test("FORCE_COLOR and --color always colour, NO_COLOR and --no-color do not", async () => {
    const cwd = project({ "model.arch": WRONG });
    const colours = async (
      args: readonly string[],
      env: Record<string, string>,
    ): Promise<boolean> =>
      (
        await specc(["check", "model.arch", ...args], { cwd, env: { LANG: "C.UTF-8", ...env } })
      ).err.includes("\u001b[");
    expect(await colours([], { FORCE_COLOR: "1" })).toBe(true);
    expect(await colours(["--color", "always"], { NO_COLOR: "1" })).toBe(true);
    expect(await colours(["--no-color"], { FORCE_COLOR: "1" })).toBe(false);
    expect(await colours([], { NO_COLOR: "1", FORCE_COLOR: "1" })).toBe(false);
  });
  test.each(["json", "ndjson", "sarif"])(
    "--format %s writes data to standard output",
    async (format) => {
      const { code, out } = await specc(["check", "--format", format, "-q", "model.arch"], {
        cwd: project({ "model.arch": WRONG }),
      });
      expect(code).toBe(1);
      for (const document of format === "ndjson" ? out.trim().split("\n") : [out])
        expect(() => void JSON.parse(document)).not.toThrow();
      expect(out).toMatch(/SPC\d{4}/);
    },
  );
  test("--format github writes annotations", async () => {
    const { out } = await specc(["check", "--format", "github", "model.arch"], {
      cwd: project({ "model.arch": WRONG }),
    });
    expect(out).toMatch(/^::error file=model\.arch,line=\d+,col=\d+/m);
  });
  test("a file that two entries import is told once, and folders mean the files below", async () => {
    const cwd = project({
      "model.arch": "",
      "a.arch": 'spec 1\nimport { M } from "./m.arch"\n',
      "b.arch": 'spec 1\nimport { M } from "./m.arch"\n',
      "m.arch": WRONG.replace("model Tiny", "export model M").split("recipe")[0]!,
    });
    const { out } = await specc(["check", "--format", "json", "a.arch", "b.arch"], { cwd });
    const { diagnostics } = JSON.parse(out) as { diagnostics: { message: string }[] };
    expect(diagnostics.filter((d) => d.message.includes("hiden_size"))).toHaveLength(1);
    expect((await specc(["check", "."], { cwd })).err).toContain("in 4 files");
  });
  test("a file without an edition and an empty one are warned about", async () => {
    const cwd = folder({ "a.arch": "let a = 1\n", "b.arch": "" });
    const { code, err } = await specc(["check", "."], { cwd });
    expect(code).toBe(0);
    expect(err).toContain("begin it with `spec 1`");
    expect(err).toContain("b.arch declares nothing");
    expect(err).toContain("2 warnings in 2 files");
  });
  test("a folder without sources is the wrong folder", async () => {
    const cwd = folder({ "docs/readme.md": "", "run/specc-manifest.json": "{}" });
    for (const command of ["check", "fmt"]) {
      const { code, err } = await specc([command, "docs"], { cwd });
      expect([code, err]).toEqual([2, "error: no .arch files in docs\n"]);
    }
    expect((await specc(["check", "run"], { cwd })).err).toContain("it is a bundle");
  });
  test("files of other kinds are refused by name, as train refuses them", async () => {
    const cwd = folder({ "notes.md": "# Notes\n" });
    for (const command of ["check", "fmt"]) {
      const { code, err } = await specc([command, "notes.md"], { cwd });
      expect([code, err]).toEqual([2, "error: notes.md is no .arch file\n"]);
    }
  });
  test("pipes are no sources: skipped in a folder, refused by name and by import", async () => {
    const cwd = project({ "a.arch": 'spec 1\nimport { M } from "./pipe.arch"\n' });
    execFileSync("mkfifo", [join(cwd, "pipe.arch")]);
    expect((await specc(["check", "model.arch", "."], { cwd })).err).toContain("in 2 files");
    for (const command of [["check"], ["fmt"], ["inspect"]]) {
      const { code, err } = await specc([...command, "pipe.arch"], { cwd });
      expect([code, err]).toEqual([2, "error: pipe.arch is a pipe, not a file\n"]);
    }
    expect((await specc(["check", "a.arch"], { cwd })).err).toContain(
      "./pipe.arch cannot be imported: it is a pipe, not a file",
    );
  });
  test("what is no UTF-8 text is said in one line, and the other files are read", async () => {
    const cwd = folder({ "good.arch": "spec 1\nlet a=1\n" });
    writeFileSync(join(cwd, "utf16.arch"), Buffer.from("\uFEFFspec 1\nlet a = 1\n", "utf16le"));
    writeFileSync(join(cwd, "zeros.arch"), Buffer.alloc(100));
    writeFileSync(
      join(cwd, "bytes.arch"),
      Uint8Array.from({ length: 256 }, (_, i) => i),
    );
    const { code, err } = await specc(["check", "."], { cwd });
    expect(code).toBe(1);
    expect(err.match(/error\[SPC2014\].*/g)).toEqual([
      "error[SPC2014] bytes.arch cannot be read: it is not UTF-8 text",
      "error[SPC2014] utf16.arch cannot be read: it is UTF-16 text; save it as UTF-8",
      "error[SPC2014] zeros.arch cannot be read: it is not text",
    ]);
    expect(await specc(["fmt", "."], { cwd })).toEqual({
      code: 1,
      out: "good.arch\n",
      err: `error: cannot read bytes.arch: it is not UTF-8 text
error: cannot read utf16.arch: it is UTF-16 text; save it as UTF-8
error: cannot read zeros.arch: it is not text
4 checked, 1 changed, 3 not read
`,
    });
  });
  test("an import of a folder names a file in it, one without its extension the file", async () => {
    const cwd = project({
      "parts/m.arch": "spec 1\nexport let m = 1\n",
      "a.arch": 'spec 1\nimport { m } from "./parts"\nimport { m as n } from "./parts/m"\n',
    });
    const { err } = await specc(["check", "a.arch"], { cwd });
    expect(err).toContain(
      './parts cannot be imported: it is a folder; name a file in it, such as "./parts/m.arch"',
    );
    expect(err).toContain('help: write "./parts/m.arch"');
  });
  test("data that is not there is told at its place, whatever else is wrong", async () => {
    const image =
      "model Pictures {\n  input = image(28, 28, 1)\n  stem = conv(4)\n  blocks 1 { unit = wide_basic(4) }\n  head = classifier(10)\n}\n";
    const recipe = (name: string, model: string, data: string): string =>
      `recipe ${name} for ${model} {\n  data = ${data}\n  length = 1 epochs\n}\n`;
    const cwd = project({
      "model.arch": TINY.replace('"data/*.txt"', '["data/*.txt", "dta/*.txt"]'),
      "others.arch": [
        'spec 1\n\nimport { Tiny } from "./tiny.arch"\n',
        image,
        recipe("A", "Tiny", 'text("a.txt", package: "no-such-package", sequence: 16)'),
        recipe("B", "Pictures", 'images(mnist("mnist"))'),
        recipe("C", "Pictures", 'images(mnist("none"))'),
        recipe("D", "Tiny", 'text("nowhere.txt", sequence: 99)'),
      ].join("\n"),
      "tiny.arch": TINY.replace("model Tiny", "export model Tiny"),
      "mnist/train-images-idx3-ubyte": "",
    });
    const { code, err } = await specc(["check", "model.arch"], { cwd });
    expect(code).toBe(0);
    expect(err).toContain("warning[SPC4015] dta/*.txt: no data file matches in ");
    expect(err).toContain("model.arch:18:35");
    expect(err.match(/SPC4015\]/g)?.length).toBe(1);
    const strict = await specc(["check", "--max-warnings", "0", "model.arch"], { cwd });
    expect(strict.code).toBe(1);
    const others = await specc(["check", "--format", "github", "others.arch"], { cwd });
    expect(others.code).toBe(1);
    const text = readFileSync(join(cwd, "others.arch"), "utf8").split("\n");
    const told = [...others.out.matchAll(/line=(\d+),col=(\d+),.*SPC4015/g)].map(
      ([, line, column]) => text[Number(line) - 1]!.slice(Number(column) - 1),
    );
    expect(told).toEqual([
      '"no-such-package", sequence: 16)',
      '"mnist"))',
      '"none"))',
      '"nowhere.txt", sequence: 99)',
    ]);
    expect(others.out).toContain("lacks train-labels-idx1-ubyte, t10k-images-idx3-ubyte");
    expect(others.out).toContain("SPC4003");
  });
  test("--set is checked as source is", async () => {
    const cwd = project();
    expect((await specc(["check", "model.arch", "--set", "length=9 steps"], { cwd })).code).toBe(0);
    expect(
      (await specc(["check", "model.arch", "--set", "lenght=9 steps"], { cwd })).err,
    ).toContain("length");
    expect((await specc(["check", "model.arch", "--set", "optimzer.lr=1"], { cwd })).err).toContain(
      "did you mean `optimizer.lr`?",
    );
    expect((await specc(["check", "model.arch", "--set", "length=9 apples"], { cwd })).code).toBe(
      1,
    );
  });
});

describe("fmt", () => {
  const messy = "spec 1\nlet  a=1\n";
  test("rewrites what is laid out otherwise and lists it", async () => {
    const cwd = folder({ "a.arch": messy });
    const { code, out } = await specc(["fmt", "a.arch"], { cwd });
    expect([code, out]).toEqual([0, "a.arch\n"]);
    const text = readFileSync(join(cwd, "a.arch"), "utf8");
    expect(text).toContain("let a = 1");
    expect(await specc(["fmt", "-q", "a.arch"], { cwd })).toEqual({ code: 0, out: "", err: "" });
  });
  test("--check writes nothing and fails", async () => {
    const cwd = folder({ "a.arch": messy });
    expect((await specc(["fmt", "--check", "a.arch"], { cwd })).code).toBe(1);
    expect(readFileSync(join(cwd, "a.arch"), "utf8")).toBe(messy);
  });
  test("--stdin writes to standard output", async () => {
    const { code, out } = await specc(["fmt", "--stdin"], { cwd: folder(), stdin: messy });
    expect([code, out.includes("let a = 1")]).toEqual([0, true]);
  });
  test("a broken file is left as it is, on standard input too", async () => {
    const broken = "spec 1\nmodel {\n";
    const cwd = folder({ "a.arch": broken });
    expect((await specc(["fmt", "a.arch"], { cwd })).code).toBe(1);
    expect(readFileSync(join(cwd, "a.arch"), "utf8")).toBe(broken);
    const piped = await specc(["fmt", "--stdin-filepath", "x.arch"], { cwd, stdin: broken });
    expect([piped.code, piped.out]).toEqual([1, broken]);
    expect(piped.err).toContain("x.arch:2");
  });
  test("files beside standard input are told, not passed over", async () => {
    const cwd = folder({ "a.arch": messy });
    for (const option of [["--stdin"], ["--stdin-filepath", "x.arch"]]) {
      const { code, err } = await specc(["fmt", ...option, "a.arch"], { cwd, stdin: messy });
      expect([code, err]).toEqual([2, expect.stringContaining("not both: a.arch")]);
    }
    expect((await specc(["fmt", "--stdin", "-"], { cwd, stdin: messy })).code).toBe(0);
  });
  test("needs something to format", async () =>
    expect((await specc(["fmt"], { cwd: folder() })).code).toBe(2));
});

describe("init", () => {
  test("makes a project that passes check and fmt --check, and touches nothing that exists", async () => {
    const cwd = folder({ "mine/README.md": "mine\n" });
    expect((await specc(["init", "mine"], { cwd })).code).toBe(0);
    expect(readFileSync(join(cwd, "mine/README.md"), "utf8")).toBe("mine\n");
    expect((await specc(["check", "mine"], { cwd })).err).toBe("ok: 1 file checked\n");
    expect((await specc(["fmt", "--check", "mine"], { cwd })).out).toBe("");
    const { scripts } = JSON.parse(readFileSync(join(cwd, "mine/package.json"), "utf8")) as {
      scripts: { train: string };
    };
    expect(scripts.train).toBe("specc train model.arch");
    expect(await specc(["init", "mine"], { cwd })).toMatchObject({
      code: 2,
      err: expect.stringContaining("exists already") as string,
    });
  });
});

test("a project says the commands that work where it lies", async () => {
  const cwd = folder();
  const script = join(cwd, "clone/bin/specc.js");
  const { err } = await specc(["init", "my project"], { cwd, script });
  expect(err).toContain("cd 'my project'\n  node ../clone/bin/specc.js train model.arch\n");
  const card = readFileSync(join(cwd, "my project/README.md"), "utf8");
  expect(card).toContain("node ../clone/bin/specc.js check model.arch");
  expect(card).not.toContain("npx");
});

describe("explain", () => {
  test("a constructor, and a suggestion for what does not exist", async () => {
    const page = await specc(["explain", "gpas"], { cwd: folder() });
    expect([page.code, page.out.includes("2506.22049")]).toEqual([0, true]);
    const pair = await specc(["explain", "peri", "sandwich"], { cwd: folder() });
    expect([pair.code, pair.err]).toEqual([
      2,
      expect.stringContaining("specc explain peri with sandwich tells whether they go together"),
    ]);
    expect((await specc(["explain", "gpass"], { cwd: folder() })).err).toContain(
      "did you mean gpas?",
    );
  });
});

test("a result is not written over what it is made from", async () => {
  const cwd = project();
  const { code, err } = await specc(["inspect", "model.arch", "--svg", "data/../model.arch"], {
    cwd,
  });
  expect([code, err]).toEqual([2, expect.stringContaining("is what the command reads")]);
  expect(readFileSync(join(cwd, "model.arch"), "utf8")).toBe(TINY);
});

test("nothing is written by commands that only look", async () => {
  const cwd = project();
  writeFileSync(join(cwd, "marker"), "");
  await specc(["check", "model.arch"], { cwd });
  await specc(["inspect", "model.arch"], { cwd });
  expect(existsSync(join(cwd, "runs"))).toBe(false);
});
