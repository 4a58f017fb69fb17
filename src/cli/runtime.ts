// The bridge to the runtime, imported only by commands that run something: programs compiled in memory are opened as they would
// be from a folder, on the engine that was asked for, with weights from a file or fresh ones.
import { join, resolve } from "node:path";
import type { Engine, LoadedBundle, ProgramModule, Session } from "../bundle/engine.ts";
import type { StateEntry } from "../bundle/manifest.ts";
import { bytesReader, openSafetensors } from "../bundle/safetensors.ts";
import type { Tensors } from "../bundle/tensor.ts";
import type { Compilation, Target } from "../compiler/compile.ts";
import { manifestOf } from "../compiler/emit/bundle.ts";
import { dataOf } from "../compiler/emit/training.ts";
import { stepsPerEpoch as countSteps } from "../runtime/data/index.ts";
import { cpuEngine, wasmEngine } from "../runtime/engines/tfjs.ts";
import { nodeHost } from "../runtime/node/host.ts";
import { checkAgainst, fromDisk, initialValues, isTied, loadEntries } from "../runtime/state.ts";
import { CliError } from "./errors.ts";
import { isFile, projectRoot, readBytes, shownPath } from "./files.ts";
import type { Io } from "./io.ts";

export type EngineName = "auto" | "wasm" | "cpu";

const isProgramModule = (value: unknown): value is ProgramModule =>
  typeof value === "object" && value !== null && "run" in value && "constants" in value;

const loadModule = async (text: string): Promise<ProgramModule> => {
  const module: unknown = await import(`data:text/javascript;base64,${Buffer.from(text).toString("base64")}`);
  if (!isProgramModule(module)) throw new TypeError("a generated program exports no run");
  return module;
};

/** A compilation as the runtime opens it, without a folder in between. */
export const loadCompiled = async (compilation: Compilation, version: string): Promise<LoadedBundle> => ({
  manifest: manifestOf(compilation, version, new Map()),
  programs: Object.fromEntries(
    await Promise.all(compilation.programs.map(async ({ graph, module }) => [graph.name, await loadModule(module)] as const)),
  ),
});

/** The first that works, and a word about it; a named engine that does not work is an error. */
export const pickEngine = async (io: Io, name: EngineName, quiet: boolean): Promise<Engine> => {
  const engines = [wasmEngine(), cpuEngine()];
  const reasons: string[] = [];
  for (const engine of name === "auto" ? engines : engines.filter((e) => e.name === name)) {
    const reason = await engine.available();
    if (reason === undefined) {
      if (!quiet) io.err(`engine: ${engine.name}${name === "auto" ? ` (auto: ${reasons.length === 0 ? "the first choice" : reasons.join("; ")})` : ""}\n`);
      return engine;
    }
    reasons.push(`${engine.name} does not work here: ${reason}`);
  }
  throw new CliError(reasons.join("; "), ["specc doctor lists what this machine offers"]);
};

/** `--weights`, or what lies beside the target. */
export const weightsPath = (io: Io, given: string | undefined, folder: string): string | undefined => {
  if (given !== undefined) {
    const path = resolve(io.cwd, given);
    if (!isFile(path)) throw new CliError(`no such file: ${given}`);
    return path;
  }
  const beside = join(folder, "model.safetensors");
  return isFile(beside) ? beside : undefined;
};

/** Writes the parameters of a file into a session; complains of all that does not fit at once. */
export const loadWeights = async (io: Io, session: Session, bundle: LoadedBundle, path: string): Promise<void> => {
  const shown = shownPath(io.cwd, path);
  const entries = bundle.manifest.state.filter((entry) => entry.kind === "param");
  const file = await openSafetensors(bytesReader(readBytes(path, shown), shown));
  checkAgainst(entries, file, shown, isTied(bundle.manifest));
  await loadEntries(session, entries, file);
};

/** Values of every parameter as the engine holds them: from a weights file, else initial ones. */
export const stateValues = async (state: readonly StateEntry[], seed: number, weights: Uint8Array | undefined): Promise<Tensors> => {
  const params = state.filter((entry) => entry.kind === "param");
  if (weights === undefined) return Object.fromEntries(params.map((entry) => [entry.name, initialValues(entry, seed)]));
  const file = await openSafetensors(bytesReader(weights, "weights"));
  checkAgainst(params, file, "weights", !params.some((entry) => entry.diskName === "lm_head.weight"));
  return Object.fromEntries(await Promise.all(params.map(async (entry) => [entry.name, fromDisk(entry, await file.read(entry.diskName))] as const)));
};

/** Counts an epoch's updates where the recipe's length is in epochs: the one thing about data that compiling needs. */
export const stepsPerEpoch = async (io: Io, target: Target, path: string): Promise<number | undefined> => {
  const { recipe, model } = target;
  if (recipe?.length.unit !== "epoch") return undefined;
  const host = nodeHost({ root: projectRoot(path), log: (line) => io.err(`${line}\n`) });
  return countSteps({ data: dataOf(recipe.data, model.vocab_size), batch: recipe.batch.value }, host);
};
