// Which engine runs a bundle: the one asked for, or the first that works here, with the reason told either way.
import type { Engine } from "../bundle/engine.ts";
import type { Manifest } from "../bundle/manifest.ts";
import { FileFault } from "../bundle/file-fault.ts";

export interface ChosenEngine {
  readonly engine: Engine;
  /** A sentence for people. */
  readonly why: string;
}

/** No engine that may be taken computes in the bundle's precision. */
export class PrecisionFault extends FileFault {}

const WITHOUT_BF16 = "write precision = f32 in the recipe: every engine computes in that";

const unfit = (
  engine: string,
  reason: string,
  { products }: Pick<Manifest["numerics"], "products">,
): FileFault =>
  products === "f32"
    ? new FileFault(`engine ${engine}`, reason)
    : new PrecisionFault(`engine ${engine}`, reason, WITHOUT_BF16);

/** `engines`: fastest first. An unknown or unavailable engine is a fault with what there is instead. */
export const chooseEngine = async (
  engines: readonly Engine[],
  wanted: string,
  { engines: built, numerics }: Pick<Manifest, "engines" | "numerics">,
): Promise<ChosenEngine> => {
  // numbers that an engine lacks are told first: they are why the bundle has no programs for it
  const reasonAgainst = async (engine: Engine): Promise<string | undefined> =>
    (await engine.available(numerics)) ??
    (built.includes(engine.name)
      ? undefined
      : `the bundle was built without it (for ${built.join(", ")})`);
  const names = engines.map(({ name }) => name);
  if (wanted !== "auto") {
    const engine = engines.find(({ name }) => name === wanted);
    if (engine === undefined)
      throw new FileFault(
        `engine ${wanted}`,
        `there is no such engine (there are auto, ${names.join(", ")})`,
      );
    const reason = await reasonAgainst(engine);
    if (reason !== undefined) throw unfit(wanted, `does not work here: ${reason}`, numerics);
    return { engine, why: "asked for" };
  }
  const reasons: string[] = [];
  for (const engine of engines) {
    const reason = await reasonAgainst(engine);
    if (reason === undefined)
      return { engine, why: ["the first that works here", ...reasons].join("; ") };
    reasons.push(`${engine.name}: ${reason}`);
  }
  throw unfit("auto", `no engine works here: ${reasons.join("; ")}`, numerics);
};
