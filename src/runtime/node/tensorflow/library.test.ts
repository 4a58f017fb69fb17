// Finding a library: what counts as installed, which one is taken, and what is said when there is none. No TensorFlow needed.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { cacheFolder, tensorflowFolder } from "./cache.ts";
import { environmentFor } from "./environment.ts";
import { findLibrary, installedLibraries, PLATFORM } from "./library.ts";
import { MANIFEST_FILE, parseManifest, type Library, type LibraryManifest } from "./manifest.ts";
import { stockLibrary } from "./stock.ts";
import type { Verdict } from "./verify.ts";

let cache = "";
beforeEach(async () => void (cache = await mkdtemp(join(tmpdir(), "specc-library-"))));
afterEach(() => rm(cache, { recursive: true }));
const env = (): Record<string, string> => ({ SPECC_CACHE_DIR: cache });

const manifest = (over: Partial<LibraryManifest> = {}): LibraryManifest => ({
  formatVersion: 1,
  tensorflow: "2.21.0",
  tfjsNode: "4.22.0",
  gpu: false,
  platform: PLATFORM,
  source: "a wheel",
  libraries: ["lib/framework.so"],
  binding: "lib/binding.node",
  javascript: "package",
  cudaData: null,
  verified: { node: "20.19.0", onCard: false },
  files: [
    { path: "lib/framework.so", sha256: "0".repeat(64), bytes: 3 },
    { path: "lib/binding.node", sha256: "0".repeat(64), bytes: 2 },
  ],
  ...over,
});
const install = async (name: string, over: Partial<LibraryManifest> = {}): Promise<string> => {
  const folder = join(tensorflowFolder(cache), name);
  await mkdir(join(folder, "lib"), { recursive: true });
  await mkdir(join(folder, "package"));
  await writeFile(join(folder, "lib", "framework.so"), "abc");
  await writeFile(join(folder, "lib", "binding.node"), "de");
  await writeFile(join(folder, MANIFEST_FILE), JSON.stringify(manifest(over)));
  return folder;
};

test("the cache folder follows SPECC_CACHE_DIR, then XDG, then the home folder", () => {
  expect(cacheFolder({ SPECC_CACHE_DIR: "/a", XDG_CACHE_HOME: "/b" })).toBe("/a");
  expect(cacheFolder({ XDG_CACHE_HOME: "/b" })).toBe("/b/specc");
  expect(cacheFolder({ XDG_CACHE_HOME: "relative/is/invalid" })).toMatch(/\/\.cache\/specc$/);
});

test("a manifest is believed only when it is whole", () => {
  expect(parseManifest(JSON.stringify(manifest()))).toEqual(manifest());
  expect(parseManifest("{")).toEqual({ fault: "is not JSON" });
  expect(parseManifest("[]")).toEqual({
    fault: "has format version undefined; this specc reads 1",
  });
  expect(parseManifest(JSON.stringify({ ...manifest(), formatVersion: 2 }))).toEqual({
    fault: "has format version 2; this specc reads 1",
  });
  for (const wrong of [
    { tensorflow: "" },
    { gpu: "no" },
    { libraries: [1] },
    { verified: null },
    { files: [{ path: "/absolute", sha256: "0".repeat(64), bytes: 1 }] },
    { files: [{ path: "a", sha256: "short", bytes: 1 }] },
  ])
    expect(parseManifest(JSON.stringify({ ...manifest(), ...wrong }))).toEqual({
      fault: "is not whole",
    });
});

test("nothing installed: the reason and the one command", async () => {
  expect(await findLibrary({ env: env() })).toEqual({
    reason: "TensorFlow is not installed",
    help: "specc backend add tensorflow",
  });
  expect(await findLibrary({ env: env(), gpu: true })).toMatchObject({
    help: "specc backend add tensorflow --gpu",
  });
});

test("the newest whole one is taken, with absolute paths", async () => {
  await install("2.9.1-cpu", { tensorflow: "2.9.1" });
  const folder = await install("2.21.0-cpu");
  await mkdir(join(tensorflowFolder(cache), ".partial-2.30.0-cpu"));
  expect(await findLibrary({ env: env() })).toEqual({
    folder,
    tensorflow: "2.21.0",
    tfjsNode: "4.22.0",
    gpu: false,
    libraries: [join(folder, "lib", "framework.so")],
    binding: join(folder, "lib", "binding.node"),
    javascript: join(folder, "package"),
    cudaData: undefined,
  } satisfies Library);
});

test("a library for cards is taken when asked for, and serves where there is no other", async () => {
  const cpu = await install("2.20.0-cpu", { tensorflow: "2.20.0" });
  expect(await findLibrary({ env: env(), gpu: true })).toEqual({
    reason: "TensorFlow is installed for the CPU only",
    help: "specc backend add tensorflow --gpu",
  });
  const gpu = await install("2.21.0-gpu", { gpu: true });
  expect(await findLibrary({ env: env(), gpu: true })).toMatchObject({ folder: gpu });
  expect(await findLibrary({ env: env(), gpu: false })).toMatchObject({ folder: cpu });
  await rm(cpu, { recursive: true });
  expect(await findLibrary({ env: env(), gpu: false })).toMatchObject({ folder: gpu });
});

test("damage is named", async () => {
  const folder = await install("2.21.0-cpu");
  const faults = async (): Promise<readonly string[]> =>
    (await installedLibraries(cache)).map((each) => (each.kind === "broken" ? each.fault : ""));
  await writeFile(join(folder, "lib", "binding.node"), "longer");
  expect(await faults()).toEqual(["lib/binding.node has 6 bytes instead of 2"]);
  await rm(join(folder, "lib", "binding.node"));
  expect(await faults()).toEqual(["lib/binding.node is missing"]);
  expect(await findLibrary({ env: env() })).toMatchObject({
    reason: `${folder} is broken: lib/binding.node is missing`,
  });
  await writeFile(join(folder, MANIFEST_FILE), JSON.stringify(manifest({ platform: "sun4-m68k" })));
  expect(await faults()).toEqual(["it is for sun4-m68k"]);
  await rm(join(folder, MANIFEST_FILE));
  expect(await faults()).toEqual(["its manifest is missing"]);
});

describe("a tfjs-node with its own library", () => {
  const stockIn = async (name: string): Promise<string> => {
    const folder = join(cache, "project", "node_modules", "@tensorflow", name);
    for (const path of ["lib/napi-v3", "lib/napi-v10", "deps/lib"])
      await mkdir(join(folder, path), { recursive: true });
    await writeFile(join(folder, "package.json"), '{ "version": "4.22.0" }');
    await writeFile(join(folder, "lib", "napi-v3", "tfjs_binding.node"), "old");
    await writeFile(join(folder, "lib", "napi-v10", "tfjs_binding.node"), "new");
    await writeFile(join(folder, "deps", "lib", "libtensorflow.so.2"), "");
    return folder;
  };
  const project = (): string => join(cache, "project", "src");
  const works: Verdict = {
    kind: "works",
    tensorflow: "2.9.1",
    onCard: false,
    scripts: [],
    needDriver: [],
  };

  test("is verified once for each binary, then believed", async () => {
    const folder = await stockIn("tfjs-node");
    const verify = vi.fn(async () => works);
    const found = await stockLibrary(project(), cache, undefined, verify);
    expect(found).toMatchObject({
      folder,
      tensorflow: "2.9.1",
      tfjsNode: "4.22.0",
      gpu: false,
      libraries: [],
      binding: join(folder, "lib", "napi-v10", "tfjs_binding.node"),
    });
    expect(await stockLibrary(project(), cache, undefined, verify)).toEqual(found);
    expect(verify).toHaveBeenCalledTimes(1);
    await writeFile(join(folder, "lib", "napi-v10", "tfjs_binding.node"), "newer");
    await stockLibrary(project(), cache, undefined, verify);
    expect(verify).toHaveBeenCalledTimes(2);
    expect(await stockLibrary(project(), cache, true, verify)).toBeUndefined();
  });
  test("that fails is told, and not tried again", async () => {
    const folder = await stockIn("tfjs-node-gpu");
    const verify = vi.fn(async (): Promise<Verdict> => ({ kind: "fails", fault: "too old" }));
    for (const gpu of [true, undefined])
      expect(await stockLibrary(project(), cache, gpu, verify)).toEqual({
        reason: `the library of ${folder} does not work: too old`,
      });
    expect(verify).toHaveBeenCalledTimes(1);
    expect(await findLibrary({ env: env(), project: project() })).toMatchObject({
      reason: `the library of ${folder} does not work: too old`,
    });
  });
  test("without its binding or its library is none", async () => {
    const folder = await stockIn("tfjs-node");
    await rm(join(folder, "deps"), { recursive: true });
    expect(await stockLibrary(project(), cache, undefined, async () => works)).toBeUndefined();
  });
});

test("TensorFlow's environment: the user's values stay, of flags theirs come last", () => {
  const library: Library = {
    folder: "/l",
    tensorflow: "2.21.0",
    tfjsNode: "4.22.0",
    gpu: true,
    libraries: [],
    binding: "/l/b",
    javascript: "/l/j",
    cudaData: "/l/my cuda",
  };
  expect(
    environmentFor(
      library,
      { threads: 2, deterministic: true, tf32: false, xlaCache: "/x" },
      { TF_CPP_MIN_LOG_LEVEL: "0", XLA_FLAGS: "--mine=1" },
    ),
  ).toEqual({
    TF_ENABLE_ONEDNN_OPTS: "0",
    TF_FORCE_GPU_ALLOW_GROWTH: "true",
    TF_NUM_INTRAOP_THREADS: "2",
    TF_DETERMINISTIC_OPS: "1",
    NVIDIA_TF32_OVERRIDE: "0",
    XLA_FLAGS:
      "--xla_gpu_cuda_data_dir='/l/my cuda' --xla_gpu_enable_triton_gemm=false --xla_gpu_deterministic_ops=true --mine=1",
    TF_XLA_FLAGS: "--tf_xla_persistent_cache_directory=/x",
  });
  const again = environmentFor(library, {}, {});
  expect(environmentFor(library, {}, again)).not.toHaveProperty("XLA_FLAGS");
  expect(environmentFor(library, { gpu: false }, {})).toEqual({
    TF_CPP_MIN_LOG_LEVEL: "3",
    TF_ENABLE_ONEDNN_OPTS: "0",
    TF_CPU_ALLOCATOR_USE_BFC: "true",
    CUDA_VISIBLE_DEVICES: "-1",
  });
});
