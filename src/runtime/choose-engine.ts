// Which engine runs a bundle: the one asked for, or the first that works here, with the reason told either way.
import type { Engine } from "../bundle/engine.ts";
import { FileFault } from "../bundle/file-fault.ts";

export interface ChosenEngine {
  readonly engine: Engine;
  /** A sentence for people. */
  readonly why: string;
}

/**
 * `engines`: fastest first; `built`: those that the bundle has programs for. An unknown or unavailable engine is a fault with what
 * there is instead.
 */
export const chooseEngine = async (
  engines: readonly Engine[],
  wanted: string,
  built: readonly string[],
): Promise<ChosenEngine> => {
  const reasonAgainst = async (engine: Engine): Promise<string | undefined> =>
    built.includes(engine.name)
      ? engine.available()
      : `the bundle was built without it (for ${built.join(", ")})`;
  const names = engines.map(({ name }) => name);
  if (wanted !== "auto") {
    const engine = engines.find(({ name }) => name === wanted);
    if (engine === undefined)
      throw new FileFault(
        `engine ${wanted}`,
        `there is no such engine (there are auto, ${names.join(", ")})`,
      );
    const reason = await reasonAgainst(engine);
    if (reason !== undefined)
      throw new FileFault(`engine ${wanted}`, `does not work here: ${reason}`);
    return { engine, why: "asked for" };
  }
  const reasons: string[] = [];
  for (const engine of engines) {
    const reason = await reasonAgainst(engine);
    if (reason === undefined)
      return { engine, why: ["the first that works here", ...reasons].join("; ") };
    reasons.push(`${engine.name}: ${reason}`);
  }
  throw new FileFault("engine auto", `no engine works here: ${reasons.join("; ")}`);
};
