// Builds prebuilt/<platform>/tfjs_binding.node, which specc's npm package ships so that `specc backend add` needs no compiler.
// One binary fits every TensorFlow from 2.12 on and every Node from 20 on. `npm run package` runs this; needs a built dist, g++,
// and TensorFlow's headers and libraries: pip's wheel, or those of an installed Python.
//
//   node scripts/build-binding.mjs [SITE_PACKAGES]
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { BINDING_FILE, compileBinding, findCompiler } from "../dist/src/cli/backend/binding.js";
import { findJavascript } from "../dist/src/cli/backend/javascript.js";
import { needPip } from "../dist/src/cli/backend/python.js";
import {
  DEFAULT_VERSION,
  packageIn,
  takeFromPackage,
  takeFromWheel,
} from "../dist/src/cli/backend/source.js";
import { packageRoot } from "../dist/src/cli/files.js";

/** The oldest systems that the binary is meant for; newer symbols in it would be news about the compiler. */
const NEWEST = { GLIBC: "2.14", GLIBCXX: "3.4.21", CXXABI: "1.3.9" };

const newer = (a, b) => {
  const [x, y] = [a, b].map((text) => text.split(".").map(Number));
  const at = x.findIndex((part, i) => part !== (y[i] ?? 0));
  return at >= 0 && x[at] > (y[at] ?? 0);
};

const root = packageRoot();
const out = join(root, "prebuilt", `${process.platform}-${process.arch}`, BINDING_FILE);
const around = { signal: new AbortController().signal, env: process.env };
const scratch = mkdtempSync(join(tmpdir(), "specc-binding-"));
try {
  const [lib, downloads] = ["lib", "downloads"].map((name) => join(scratch, name));
  for (const folder of [lib, downloads, dirname(out)]) mkdirSync(folder, { recursive: true });
  const javascript = findJavascript([root]);
  const compiler = await findCompiler(around);
  if (javascript === undefined || compiler === undefined)
    throw new Error("tfjs-node-gpu (npm ci) and a C++ compiler are needed");
  const view = { step: console.error, amount: () => undefined, stop: () => undefined };
  const site = process.argv[2];
  const { include } =
    site === undefined
      ? await takeFromWheel(
          { python: await needPip(around), around, view, downloads, scratch },
          DEFAULT_VERSION,
          false,
          lib,
        )
      : await takeFromPackage(packageIn(site), lib);
  await compileBinding({
    compiler,
    javascript: javascript.folder,
    include,
    lib,
    scratch,
    out,
    around,
  });
  const bytes = readFileSync(out);
  const needs = new Set(bytes.toString("latin1").match(/\b(GLIBC|GLIBCXX|CXXABI)_\d[\d.]*\d/g));
  for (const need of needs) {
    const [name, version] = need.split("_");
    if (newer(version, NEWEST[name]))
      throw new Error(`the binding needs ${need}: it would not load on older systems`);
  }
  console.error(`${out}: ${bytes.length} bytes, needs ${[...needs].sort().join(", ")}`);
} catch (error) {
  rmSync(out, { force: true });
  throw error;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
