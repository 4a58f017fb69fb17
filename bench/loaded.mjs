// A compilation opened in memory, for benches that run it without a folder in between.
import { loadCompiled } from "../dist/src/cli/runtime.js";

export const loadedBundle = (compilation) => loadCompiled(compilation, "0");
