// The parts of `specc backend add` that need no other program.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { complaintOf } from "./child.ts";
import { arrangeCuda, missingMib, parseLoaderCache, planCuda, requirementOf } from "./cuda.ts";
import { findJavascript, keepScripts } from "./javascript.ts";
import { announcedBytes } from "./python.ts";
import { inspectPackage } from "./source.ts";

const folder = (files: Readonly<Record<string, string>>): string => {
  const root = mkdtempSync(join(tmpdir(), "specc-backend-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
};

test("pip's announcement of a download", () => {
  expect(announcedBytes("  Downloading tensorflow_cpu-2.21.0.whl (273.8 MB)")).toBe(273_800_000);
  expect(announcedBytes("Downloading https://host/x.whl.metadata (4.4 kB)")).toBe(4400);
  expect(announcedBytes("Saved ./x.whl")).toBeUndefined();
});

test("a program's complaint is its first error, else its last line", () => {
  const ended = { code: 1, out: "", err: "note: x\na.cc:1: fatal error: no such file\nerror: 1\n" };
  expect(complaintOf(ended)).toBe("a.cc:1: fatal error: no such file");
  expect(complaintOf({ code: 1, out: "one\ntwo\n", err: "" })).toBe("two");
  expect(complaintOf({ code: 1, out: "", err: "" })).toBe("no reason given");
});

test("a tfjs-node is found upwards; one that does not fit is passed over", () => {
  const files = (name: string, version: string): Record<string, string> => ({
    [`${name}/package.json`]: JSON.stringify({ name: "tfjs", version }),
    [`${name}/dist/nodejs_kernel_backend.js`]: "",
    [`${name}/binding/tfjs_backend.cc`]: "",
  });
  const root = folder({
    ...files("a/node_modules/@tensorflow/tfjs-node", "4.21.0"),
    ...files("node_modules/@tensorflow/tfjs-node-gpu", "4.22.1"),
    "a/b/c": "",
  });
  expect(findJavascript([join(root, "a", "b")])).toMatchObject({ version: "4.22.1" });
  expect(findJavascript([join(root, "nowhere-to-be-found", "..", "..")])).toBeUndefined();
});

test("the scripts that took part are laid out flat, whatever the package manager's layout", async () => {
  const root = folder({
    "node_modules/.pnpm/x@1/node_modules/x/dist/i.js": "x",
    "node_modules/.pnpm/x@1/node_modules/x/package.json": "{}",
    "node_modules/.pnpm/y@1/node_modules/@s/y/j.js": "y",
    "node_modules/.pnpm/y@1/node_modules/@s/y/package.json": "{}",
    "node_modules/.pnpm/x@2/node_modules/x/k.js": "x2",
    "main.cjs": "",
  });
  const target = join(root, "target");
  const store = join(root, "node_modules", ".pnpm");
  const scripts = [
    join(store, "x@1", "node_modules", "x", "dist", "i.js"),
    join(store, "y@1", "node_modules", "@s", "y", "j.js"),
    join(root, "main.cjs"),
  ];
  expect(await keepScripts(scripts, target)).toEqual([
    "node_modules/@s/y/j.js",
    "node_modules/@s/y/package.json",
    "node_modules/x/dist/i.js",
    "node_modules/x/package.json",
  ]);
  expect(readFileSync(join(target, "node_modules/x/dist/i.js"), "utf8")).toBe("x");
  const two = [...scripts, join(store, "x@2", "node_modules", "x", "k.js")];
  expect(await keepScripts(two, target)).toBeUndefined();
});

test("a Python's TensorFlow tells its version and kind by its dist-info", () => {
  const libraries = {
    "tensorflow/libtensorflow_framework.so.2": "",
    "tensorflow/libtensorflow_cc.so.2": "",
  };
  const cpu = folder({ ...libraries, "tensorflow_cpu-2.20.0.dist-info/METADATA": "" });
  expect(inspectPackage(join(cpu, "tensorflow"))).toMatchObject({ version: "2.20.0", gpu: false });
  const gpu = folder({ ...libraries, "tensorflow-2.21.0.dist-info/METADATA": "" });
  expect(inspectPackage(join(gpu, "tensorflow"))).toMatchObject({ version: "2.21.0", gpu: true });
  const bare = folder(libraries);
  expect(inspectPackage(join(bare, "tensorflow"))).toEqual({
    fault: `no tensorflow-VERSION.dist-info lies beside ${bare}/tensorflow, which names its version`,
  });
});

test("the loader's list of libraries: those for this processor", () => {
  const text = `2 libs found in cache \`/etc/ld.so.cache'
\tlibcudart.so.12 (libc6,x86-64) => /opt/cuda/lib64/libcudart.so.12
\tlibcudart.so.12 (libc6) => /opt/cuda/lib32/libcudart.so.12
\tlibz.so.1 (libc6,x86-64, OS ABI: Linux 3.2.0) => /lib/libz.so.1
`;
  expect([...parseLoaderCache(text)]).toEqual([
    ["libcudart.so.12", "/opt/cuda/lib64/libcudart.so.12"],
    ["libz.so.1", "/lib/libz.so.1"],
  ]);
});

test("versions of NVIDIA's wheels are those that TensorFlow asks for", () => {
  const metadata = `Requires-Dist: numpy>=1.26.0
Requires-Dist: nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == "and-cuda"
Requires-Dist: nvidia-cudnn-cu12 (==9.3.0.75) ; extra == 'and-cuda'
`;
  expect(requirementOf(metadata, "nvidia-cublas-cu12")).toBe("nvidia-cublas-cu12<13.0,>=12.5.3.2");
  expect(requirementOf(metadata, "nvidia-cudnn-cu12")).toBe("nvidia-cudnn-cu12==9.3.0.75");
  expect(requirementOf(metadata, "nvidia-cufft-cu12")).toBe("nvidia-cufft-cu12");
});

test("CUDA: what the machine has is used, the rest is to be fetched, in the order of needs", async () => {
  const here = folder({
    "site/nvidia/cudnn/lib/libcudnn.so.9": "",
    "site/nvidia/cuda_nvcc/bin/ptxas": "",
    "site/nvidia/cuda_nvcc/nvvm/libdevice/libdevice.10.bc": "",
    "lib/libcufft.so.11": "",
    "lib/libcublas.so.12": "",
    "usr/cuda-12.4/lib64/libcudart.so.12": "",
    "usr/cuda-13.0/lib64/libcusolver.so.11": "",
  });
  const around = {
    signal: new AbortController().signal,
    env: { PATH: "", LD_LIBRARY_PATH: join(here, "lib") },
  };
  const plan = await planCuda(join(here, "site"), around, join(here, "usr"));
  expect(plan.cudaData).toBe(join(here, "site", "nvidia", "cuda_nvcc"));
  expect(plan.found.get("libcudnn.so.9")).toBe(join(here, "site/nvidia/cudnn/lib/libcudnn.so.9"));
  const wheels = plan.missing.map(({ wheel }) => wheel);
  expect(wheels).not.toContain("nvidia-cufft-cu12");
  // half of it is there, but its two libraries belong together
  expect(wheels).toContain("nvidia-cublas-cu12");
  expect(missingMib(plan)).toBeLessThan(1500);
  const fetched = plan.missing.flatMap((part) =>
    part.libraries.map((name) => `nvidia/${part.folder}/lib/${name}`),
  );
  const { libraries, cudaData } = arrangeCuda(plan, fetched);
  expect(cudaData).toBe(plan.cudaData);
  expect(libraries.map((path) => path.replace(here, ""))).toEqual([
    "/usr/cuda-12.4/lib64/libcudart.so.12",
    "nvidia/nvjitlink/lib/libnvJitLink.so.12",
    "nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
    "nvidia/cublas/lib/libcublasLt.so.12",
    "nvidia/cublas/lib/libcublas.so.12",
    "nvidia/cusparse/lib/libcusparse.so.12",
    "nvidia/cusolver/lib/libcusolver.so.11",
    "/lib/libcufft.so.11",
    "/site/nvidia/cudnn/lib/libcudnn.so.9",
  ]);
  expect(() => arrangeCuda(plan, fetched.slice(1))).toThrow(/nvidia-nvjitlink-cu12 has no/);
});
