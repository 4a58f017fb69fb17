// Finds where a loss stopped being finite. The failing update has already touched the state, so the run goes back to its last
// checkpoint (or its beginning), repeats the steps up to the failing one exactly, and asks the engine to look.
import type { Session } from "../../bundle/engine.ts";
import type { Manifest } from "../../bundle/manifest.ts";
import { placeOf } from "../programs.ts";
import type { ProgramRun } from "./step.ts";

/** Training cannot go on: a loss or gradient is NaN or infinite. */
export class NonFiniteFault extends Error {
  override readonly name = "NonFiniteFault";
  readonly step: number;
  readonly node: string | undefined;
  /** "file.arch:line". */
  readonly place: string | undefined;
  readonly checkpoint: string | undefined;

  constructor(what: string, step: number, cause: Cause, checkpoint: string | undefined) {
    const where =
      cause.node === undefined
        ? ""
        : `; first in ${cause.node}${cause.place === undefined ? "" : ` (${cause.place})`}`;
    const kept =
      checkpoint === undefined
        ? "there is no checkpoint yet"
        : `the last good checkpoint is ${checkpoint}`;
    super(`${what} at step ${step}${where}; ${kept}`);
    this.step = step;
    this.node = cause.node;
    this.place = cause.place;
    this.checkpoint = checkpoint;
  }
}

export interface Cause {
  readonly node: string | undefined;
  readonly place: string | undefined;
}
/** The session holds the state before the step. Runs the passes in order, looking into each first. */
export const findCause = async (
  session: Session,
  manifest: Manifest,
  runs: readonly ProgramRun[],
): Promise<Cause> => {
  for (const { program, inputs } of runs) {
    const node = await session.firstNonFinite(program, inputs);
    if (node !== undefined) return { node, place: placeOf(manifest, node) };
    await session.run(program, inputs);
  }
  return { node: undefined, place: undefined };
};
