// A target opened on an engine: what train, eval and generate have in common.
import { dirname } from "node:path";
import type { LoadedBundle, Session } from "../bundle/engine.ts";
import { compile, type Compilation } from "../compiler/compile.ts";
import { nodeHost } from "../runtime/node/host.ts";
import type { Host } from "../runtime/host.ts";
import { loadBundleFolder } from "./bundles.ts";
import { projectRoot } from "./files.ts";
import type { Io } from "./io.ts";
import type { ChoiceOptions } from "./program.ts";
import { loadCompiled, pickEngine, stepsPerEpoch, type EngineName } from "./runtime.ts";
import { checkedTarget, placeOf, refuseChoice } from "./target.ts";

export interface Opened {
  readonly bundle: LoadedBundle;
  readonly host: Host;
  /** The `.arch` file's folder, or the bundle's. */
  readonly folder: string;
  /** Undefined when the target is a bundle already. */
  readonly compilation: Compilation | undefined;
}

/** Data globs start at the project root: of the file, or of the folder that a bundle lies in. */
export const openTarget = async (io: Io, version: string, name: string, options: ChoiceOptions, needsRecipe: boolean): Promise<Opened> => {
  const place = placeOf(io, name);
  const log = (line: string): void => {
    if (options.quiet !== true) io.err(`${line}\n`);
  };
  const host = nodeHost({ root: projectRoot(place.path), log });
  if (place.kind === "bundle") {
    refuseChoice(name, options);
    return { bundle: await loadBundleFolder(io, place.path), host, folder: place.path, compilation: undefined };
  }
  const target = checkedTarget(io, version, place.path, options, needsRecipe);
  const epochs = await stepsPerEpoch(io, target, place.path);
  const compilation = compile(target, epochs === undefined ? {} : { stepsPerEpoch: epochs });
  return { bundle: await loadCompiled(compilation, version), host, folder: dirname(place.path), compilation };
};

/** Closes the session whatever happens. */
export const withSession = async <T>(
  io: Io,
  bundle: LoadedBundle,
  options: { readonly engine: EngineName; readonly quiet?: boolean },
  use: (session: Session) => Promise<T>,
): Promise<T> => {
  const engine = await pickEngine(io, options.engine, options.quiet === true);
  const session = await engine.open(bundle);
  try {
    return await use(session);
  } finally {
    await session.close();
  }
};
