// The parts of `specc backend add` that need no other program.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { complaintOf } from "./child.ts";
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
