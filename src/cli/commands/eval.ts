// `specc eval`: the loss on the held-out part of the recipe's text.
import { loadData } from "../../runtime/data/index.ts";
import { evaluate as measure } from "../../runtime/train/evaluate.ts";
import { recipeOf } from "../../runtime/train/loop.ts";
import { CliError } from "../errors.ts";
import { shownPath } from "../files.ts";
import { interruptible, type Io } from "../io.ts";
import { grouped } from "../numbers.ts";
import { openTarget, withSession } from "../open.ts";
import type { ChoiceOptions } from "../program.ts";
import { loadWeights, weightsPath, type EngineName } from "../runtime.ts";

export interface EvalOptions extends ChoiceOptions {
  readonly weights?: string;
  readonly engine: EngineName;
  readonly json?: boolean;
}

export const evaluate = async (io: Io, version: string, name: string, options: EvalOptions): Promise<number> => {
  const { bundle, host, folder } = await openTarget(io, version, name, options, true);
  const weights = weightsPath(io, options.weights, folder);
  if (weights === undefined) throw new CliError(`no weights: there is no model.safetensors beside ${name}`, ["train first, or give a file with --weights"]);
  const data = await loadData(recipeOf(bundle.manifest).data, host);
  const { validation } = data;
  if (validation === undefined) throw new CliError("the recipe holds no text back", ["give data a split such as split: [95%, 5%]"], 1);
  const interrupt = interruptible(io);
  try {
    return await withSession(io, bundle, options, async (session) => {
      await loadWeights(io, session, bundle, weights);
      const result = await measure(session, bundle.manifest, validation, data.tokenizer, host, { signal: interrupt.signal });
      if (interrupt.code() !== 0) return interrupt.code();
      if (options.json === true)
        io.out(`${JSON.stringify({ formatVersion: "1.0", weights: shownPath(io.cwd, weights), engine: session.engine, ...result }, null, 2)}\n`);
      else
        io.out(`${result.bitsPerByte.toFixed(4)} bits per byte  (loss ${result.loss.toFixed(4)} nats a token, perplexity ${result.perplexity.toFixed(2)}, ${grouped(result.tokens)} tokens)\n`);
      return 0;
    });
  } finally {
    interrupt.done();
  }
};
