// `specc backend` where everything goes wrong, with stand-ins for python3, pip and g++, and where it works: the latter with the
// TensorFlow that is installed here, and skipped where there is none.
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hasCard } from "../../src/runtime/node/tensorflow/card.ts";
import { PLATFORM, findLibrary } from "../../src/runtime/node/tensorflow/library.ts";
import { folder, specc, type Ran, type RunOptions } from "./run.ts";

const installed = await findLibrary();

/** Acts on FAKE_PIP; what it "unpacks" is no library. */
const PYTHON = `#!${process.execPath}
const { writeFileSync, mkdirSync } = require("node:fs");
const { join, dirname } = require("node:path");
const [mode, what, ...rest] = process.argv.slice(2);
const fail = (text) => { console.error(text); process.exit(1); };
if (mode === "-c") {
  if (what.includes("version_info") || what.includes("find_spec")) process.exit(0);
  const [wheel, target] = rest;
  if (process.env.FAKE_PIP === "broken") fail("zipfile.BadZipFile: File is not a zip file");
  for (const name of ["libtensorflow_framework.so.2", "libtensorflow_cc.so.2"]) {
    const path = join(target, "tensorflow", name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "no library");
    console.log("tensorflow/" + name);
  }
} else if (rest[0] === "--version") process.exit(process.env.FAKE_PIP === "none" ? 1 : 0);
else {
  const [name, version] = rest.at(-1).split("==");
  switch (process.env.FAKE_PIP) {
    case "offline": fail("WARNING: Retrying after connection broken by 'NewConnectionError'\\nERROR: No matching distribution found");
    case "unknown": fail("ERROR: Could not find a version (from versions: 2.12.0, 2.13.0rc1, 2.20.0)\\nERROR: No matching distribution found");
    case "full": fail("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device");
    case "empty": fail("ERROR: Could not find a version (from versions: none)\\nERROR: No matching distribution found");
    case "odd": fail("ERROR: the moon is full");
    case "hangs": return setInterval(() => {}, 1000);
  }
  writeFileSync(join(rest[rest.indexOf("-d") + 1], name.replaceAll("-", "_") + "-" + version + "-cp311.whl"), "a wheel");
}
`;
const COMPILER = `#!${process.execPath}
const { copyFileSync, writeFileSync } = require("node:fs");
const out = process.argv[process.argv.indexOf("-o") + 1];
if (process.argv[2] !== "--version") {
  if (process.env.FAKE_BINDING) copyFileSync(process.env.FAKE_BINDING, out);
  else writeFileSync(out, "no binding");
}
`;

interface Machine extends RunOptions {
  readonly cache: string;
}
/** A machine with these programs and nothing else. */
const machine = (programs: Readonly<Record<string, string>>, env: object = {}): Machine => {
  const cwd = folder();
  const bin = join(cwd, "bin");
  mkdirSync(bin);
  for (const [name, text] of Object.entries(programs))
    writeFileSync(join(bin, name), text, { mode: 0o755 });
  const cache = join(cwd, "cache");
  return { cwd, cache, env: { LANG: "C.UTF-8", PATH: bin, SPECC_CACHE_DIR: cache, ...env } };
};
const all = { python3: PYTHON, "g++": COMPILER };
const add = (where: Machine, ...options: readonly string[]): Promise<Ran> =>
  specc(["backend", "add", "tensorflow", ...options], where);
/** Everything in the cache but what is kept for another try. */
const left = ({ cache }: Machine): readonly string[] =>
  existsSync(cache)
    ? readdirSync(cache, { recursive: true })
        .map(String)
        .filter((path) => !/^tensorflow(\/\.partial-[^/]*(\/downloads)?)?$/.test(path))
    : [];

describe.runIf(PLATFORM === "linux-x64")("backend add: nothing is installed, and said why", () => {
  test.each([
    ["no python", { "g++": COMPILER }, {}, "no python3 here"],
    ["no pip", all, { FAKE_PIP: "none" }, "python3 has no pip"],
    ["no compiler", { python3: PYTHON }, {}, "no C++ compiler here"],
    ["no network", all, { FAKE_PIP: "offline" }, "no network: pip could not reach"],
    ["an index without it", all, { FAKE_PIP: "empty" }, "pip found no tensorflow-cpu==2.21.0"],
    ["a full disk", all, { FAKE_PIP: "full" }, "the disk is full: pip could not fetch"],
    [
      "an odd pip",
      all,
      { FAKE_PIP: "odd" },
      "pip could not fetch tensorflow-cpu==2.21.0: ERROR: the moon is full",
    ],
  ])("%s", async (_what, programs, env, message) => {
    const where = machine(programs, env);
    const { code, out, err } = await add(where);
    expect(err).toContain(message);
    expect([code, out, left(where)]).toEqual([1, "", []]);
  });

  test("a version that pip does not know: those there are", async () => {
    const { code, err } = await add(machine(all, { FAKE_PIP: "unknown" }), "--version", "2.99.0");
    expect(code).toBe(2);
    expect(err).toContain("pip knows no tensorflow-cpu==2.99.0 for this platform");
    expect(err).toContain("there are 2.12.0, 2.20.0");
  });
  test.each([
    [["--version", "new"], '"new" is not a version of TensorFlow'],
    [["--version", "2.11.1"], "its wheel lacks libtensorflow_cc"],
    [["--version", "3.0.0"], "its wheel lacks libtensorflow_cc"],
    [["--version", "2.15.1", "--gpu"], "--gpu works with TensorFlow 2.18.0 and newer"],
    [["--from", "nowhere"], "--from: no such folder: nowhere"],
    [["--from", "bin"], "has no libtensorflow_framework.so.2"],
  ])("%j", async (options, message) => {
    const where = machine(all);
    const { code, err } = await add(where, ...options);
    expect(err).toContain(message);
    expect([code, left(where)]).toEqual([2, []]);
  });

  test("a broken wheel is deleted", async () => {
    const where = machine(all, { FAKE_PIP: "broken" });
    const { code, err } = await add(where);
    expect(err).toContain("the wheel is broken: zipfile.BadZipFile");
    expect([code, left(where)]).toEqual([1, []]);
    expect(existsSync(join(where.cache, "tensorflow", ".partial-2.21.0-cpu"))).toBe(false);
  });

  test("a library that fails the verification is not installed; its wheel is kept and used again", async () => {
    const where = machine(all);
    const wheel = "tensorflow/.partial-2.21.0-cpu/downloads/tensorflow_cpu-2.21.0-cp311.whl";
    const first = await add(where);
    expect(first.err).toMatch(/TensorFlow 2.21.0 does not work here: .*libtensorflow_framework/);
    expect([first.code, left(where)]).toEqual([1, [wheel]]);
    const again = await add(where);
    expect(again.err).toContain("tensorflow_cpu-2.21.0-cp311.whl was fetched by an earlier try");
    const listed = await specc(["backend", "list", "--json"], where);
    expect((JSON.parse(listed.out) as { backends: unknown[] }).backends).toEqual([
      expect.objectContaining({ version: "2.21.0", gpu: false, state: "unfinished", bytes: 7 }),
    ]);
    expect((await specc(["backend", "remove", "tensorflow"], where)).out).toContain("removed");
    expect(left(where)).toEqual([]);
  });

  test("CUDA's libraries are announced, and fetched only when TensorFlow itself works", async () => {
    const where = machine(all);
    const { code, err } = await add(where, "--gpu");
    expect(err).toMatch(/up to .* are to be fetched/);
    expect(err).toContain("does not work here");
    expect(err).not.toContain("fetching nvidia");
    expect([code, left(where)]).toEqual([
      1,
      ["tensorflow/.partial-2.21.0-gpu/downloads/tensorflow-2.21.0-cp311.whl"],
    ]);
  });

  test("an interruption leaves nothing and exits 130", async () => {
    const where = machine(all, { FAKE_PIP: "hangs" });
    const { code, err } = await specc(["backend", "add", "tensorflow"], {
      ...where,
      signals: (send) => setTimeout(() => send("SIGINT"), 1500),
    });
    expect(err).toContain("interrupted: nothing was installed");
    expect([code, left(where)]).toEqual([130, []]);
  });

  test("a second specc at the same work is refused; the lock of one that was killed is not heeded", async () => {
    const where = machine(all, { FAKE_PIP: "offline" });
    const partial = join(where.cache, "tensorflow", ".partial-2.21.0-cpu");
    mkdirSync(partial, { recursive: true });
    const lock = (pid: number): void =>
      writeFileSync(
        join(partial, "lock"),
        JSON.stringify({ pid, host: hostname(), since: "2026-01-01T00:00:00Z", born: null }),
      );
    lock(process.ppid);
    expect((await add(where)).err).toContain("another specc is adding this backend");
    lock(4_194_304_999);
    expect((await add(where)).err).toContain("no network");
  });
});

describe("backend list and remove", () => {
  test("nothing there", async () => {
    const where = machine({});
    expect(await specc(["backend", "list"], where)).toEqual({
      code: 0,
      out: "No backend is installed; specc backend add tensorflow adds one.\n",
      err: "",
    });
    expect((await specc(["backend", "remove", "tensorflow"], where)).out).toBe(
      "There is no backend to remove.\n",
    );
    const one = await specc(["backend", "remove", "tensorflow", "--version", "2.20.0"], where);
    expect([one.code, one.err]).toEqual([
      2,
      "error: TensorFlow 2.20.0 is not installed\n  no backend is\n",
    ]);
  });
  test("a folder without a manifest is broken, and can be removed", async () => {
    const where = machine({});
    const broken = join(where.cache, "tensorflow", "2.20.0-gpu");
    mkdirSync(broken, { recursive: true });
    const { code, out } = await specc(["backend", "list"], where);
    expect(code).toBe(1);
    expect(out).toContain("tensorflow 2.20.0  GPU  0 B  broken: its manifest is missing");
    await specc(["backend", "remove", "tensorflow", "--version", "2.20.0"], where);
    expect(existsSync(broken)).toBe(false);
  });
});

describe("doctor", () => {
  const findings = async (where: RunOptions): Promise<readonly unknown[]> => {
    const { code, out } = await specc(["doctor", "--json"], where);
    expect(code).toBe(0);
    return (JSON.parse(out) as { findings: unknown[] }).findings;
  };
  test("without TensorFlow: the reason and the one command", async () => {
    const found = await findings(machine({}));
    expect(found).toContainEqual({
      name: "engine tensorflow",
      works: false,
      detail: "TensorFlow is not installed (specc backend add tensorflow adds it)",
    });
    expect(found).not.toContainEqual(expect.objectContaining({ name: "library tensorflow" }));
  });
  test.skipIf(hasCard())("without a card: that, and what it means", async () => {
    expect(await findings(machine({}))).toContainEqual({
      name: "card",
      works: false,
      detail:
        "none: no NVIDIA driver is loaded; attention and experts run without the kernels for cards",
    });
  });
  test.skipIf("reason" in installed)("with it: which one, and where", async () => {
    expect(await findings({ cwd: folder(), env: process.env })).toContainEqual({
      name: "library tensorflow",
      works: true,
      detail: expect.stringMatching(/^TensorFlow \d.* for tfjs-node 4\.22\.0, \//) as string,
    });
  });
});

describe.skipIf("reason" in installed)("backend add --from, with TensorFlow", () => {
  /** The installed libraries dressed as a Python's package; the compiler hands out the installed binding. */
  const site = (library: Exclude<typeof installed, { reason: string }>): Machine => {
    const where = machine({ "g++": COMPILER }, { FAKE_BINDING: library.binding });
    const packages = join(where.cwd, "site-packages");
    mkdirSync(join(packages, "tensorflow"), { recursive: true });
    mkdirSync(join(packages, `tensorflow_cpu-${library.tensorflow}.dist-info`));
    for (const path of library.libraries)
      symlinkSync(path, join(packages, "tensorflow", path.split("/").at(-1)!));
    return where;
  };

  test("installs, lists, repairs, removes; the folder named by --dir is linked from the cache", async () => {
    if ("reason" in installed) return;
    const where = site(installed);
    const version = installed.tensorflow;
    const options = ["--from", "site-packages", "--dir", "elsewhere"];
    const first = await add(where, ...options);
    expect(first.err).not.toContain("error");
    expect(first.out).toContain(`TensorFlow ${version} (CPU) for tfjs-node 4.22.0 is installed.`);
    const name = `${version}-cpu`;
    const target = join(where.cwd, "elsewhere", name);
    expect(readdirSync(join(where.cwd, "elsewhere"))).toEqual([name]);
    expect(await findLibrary({ env: where.env! })).toMatchObject({
      folder: join(where.cache, "tensorflow", name),
      tensorflow: version,
    });
    const listed = await specc(["backend", "list", "--verify"], where);
    expect([listed.code, listed.out]).toEqual([0, expect.stringContaining("verified")]);

    expect((await add(where, ...options)).out).toContain("was installed already");
    writeFileSync(join(target, "lib", "tfjs_binding.node"), "damaged");
    expect((await specc(["backend", "list"], where)).out).toContain(
      "broken: lib/tfjs_binding.node",
    );
    const repaired = await add(where, ...options);
    expect(repaired.err).toContain("replacing it: lib/tfjs_binding.node has changed");
    expect(repaired.out).toContain("is installed.");

    const removed = await specc(["backend", "remove", "tensorflow"], where);
    expect(removed.out).toContain(target);
    expect([existsSync(target), readdirSync(join(where.cache, "tensorflow"))]).toEqual([false, []]);
  });
});
