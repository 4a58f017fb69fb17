// Results of updates in order. What the session is asked for, and when, is decided here: one update at a time; the next one
// already while the present one is written down, where the engine works in the background; several in one run, where that
// costs less. Whoever takes results sees single updates.
import type { Session } from "../../bundle/engine.ts";
import type { Host } from "../host.ts";
import { resultOf, runStep, type ProgramRun, type StepResult } from "./step.ts";

export interface TimedResult extends StepResult {
  /** Its share of the time since the update before it was done. */
  readonly milliseconds: number;
}
export interface Updates {
  /** The last update that the session was asked for: its state is that of this update once all results are taken. */
  asked(): number;
  /** Asks for updates that begin with `step`, if that has not happened. */
  ahead(step: number): void;
  take(step: number): Promise<TimedResult>;
  /** The session did something else since the last result: its time belongs to no update. */
  restart(): void;
}
export interface UpdatesOptions {
  readonly session: Session;
  readonly host: Pick<Host, "now">;
  readonly plan: (step: number) => readonly ProgramRun[];
  /** The first step from `step` on after which somebody looks at the state: nothing beyond it is asked for. */
  readonly stopAfter: (step: number) => number;
  /** Updates done before. */
  readonly from: number;
}

export const createUpdates = (options: UpdatesOptions): Updates => {
  const { session, host, plan, stopAfter, from } = options;
  const results = new Map<number, Promise<TimedResult>>();
  let asked = from;
  let before = host.now();

  /** Times begin where the last run ended, or with the request, if nothing ran then. */
  const timed = async <T>(run: Promise<T>, updates: number): Promise<readonly [T, number]> => {
    const given = await run;
    const now = host.now();
    const milliseconds = (now - before) / updates;
    before = now;
    return [given, milliseconds];
  };
  const single = async (runs: readonly ProgramRun[]): Promise<TimedResult> => {
    const [result, milliseconds] = await timed(runStep(session, runs), 1);
    return { ...result, milliseconds };
  };
  const many = async (
    run: NonNullable<Session["group"]>["run"],
    program: string,
    inputs: readonly ProgramRun["inputs"][],
  ): Promise<readonly TimedResult[]> => {
    const [outputs, milliseconds] = await timed(run(program, inputs), inputs.length);
    return outputs.map((given) => ({ ...resultOf([given]), milliseconds }));
  };
  const keep = (step: number, result: Promise<TimedResult>): void => {
    result.catch(() => undefined); // told when it is taken
    results.set(step, result);
  };

  const ask = (step: number): void => {
    const first = plan(step);
    const [only] = first;
    const { group } = session;
    const size = group === undefined || first.length > 1 ? 1 : group.size(only!.program);
    if (group === undefined || size === 1 || step + size - 1 > stopAfter(step)) {
      keep(step, single(first));
      asked = step;
      return;
    }
    const rest = Array.from({ length: size - 1 }, (_, i) => plan(step + 1 + i)[0]!);
    const all = many(
      group.run,
      only!.program,
      [only!, ...rest].map(({ inputs }) => inputs),
    );
    for (let i = 0; i < size; i += 1)
      keep(
        step + i,
        all.then((list) => list[i]!),
      );
    asked = step + size - 1;
  };

  return {
    asked: () => asked,
    ahead: (step) => {
      if (step > asked) ask(step);
    },
    take: async (step) => {
      if (!results.has(step)) ask(step);
      const result = results.get(step)!;
      results.delete(step);
      return result;
    },
    restart: () => {
      if (results.size === 0) before = host.now();
    },
  };
};
