// `specc eval`: the loss on the held-out part of the recipe's data.
import { evaluationText } from "../evaluation-text.ts";
import { shownPath } from "../files.ts";
import { interruptible, type Io } from "../io.ts";
import type { ChoiceOptions } from "../options.ts";
import { needWeights, openTarget, withModel, type EngineName } from "../runtime.ts";

export interface EvalOptions extends ChoiceOptions {
  readonly weights?: string;
  readonly engine: EngineName;
  readonly json?: boolean;
}

export const evaluate = async (
  io: Io,
  version: string,
  name: string,
  options: EvalOptions,
): Promise<number> => {
  const { bundle, host, folder, compilation } = await openTarget(io, version, name, options, {
    recipe: true,
  });
  const weights = needWeights(io, options.weights, folder, name);
  const settled = compilation === undefined ? ({ command: "eval", name } as const) : undefined;
  return withModel(io, { bundle, host, weights, settled }, options, async (model) => {
    const interrupt = interruptible(io);
    try {
      const result = await model.evaluate({ signal: interrupt.signal });
      if (interrupt.code() !== 0) return interrupt.code();
      if (options.json === true)
        io.out(
          `${JSON.stringify({ formatVersion: "1.0", weights: shownPath(io.cwd, weights), engine: model.engine, ...result }, null, 2)}\n`,
        );
      else io.out(`${evaluationText(result)}\n`);
      return 0;
    } finally {
      interrupt.done();
    }
  });
};
