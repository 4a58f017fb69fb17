// A compilation opened in memory, for benches that run it without a folder in between.
import { loadCompiled } from "../dist/src/cli/runtime.js";
import { compile } from "../dist/src/compiler/index.js";

export const loadedFor = (target, options) =>
  loadCompiled(compile(target, { ...options, forms: ["tensorflow"] }), "0");
