// `specc generate`: continues a prompt. The text goes to standard output as it is made.
import { interruptible, type Io } from "../io.ts";
import type { ChoiceOptions } from "../program.ts";
import { needWeights, openTarget, withModel, type EngineName } from "../runtime.ts";

export interface GenerateOptions extends ChoiceOptions {
  readonly weights?: string;
  readonly prompt: string;
  readonly tokens: number;
  readonly temperature: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly seed: number;
  readonly engine: EngineName;
  readonly json?: boolean;
}

export const generate = async (
  io: Io,
  version: string,
  name: string,
  options: GenerateOptions,
): Promise<number> => {
  const { bundle, host, folder } = await openTarget(io, version, name, options, false);
  const weights = needWeights(io, options.weights, folder, name);
  const prompt = options.prompt === "-" ? await io.stdin() : options.prompt;
  const interrupt = interruptible(io);
  try {
    return await withModel(io, { bundle, host, weights }, options, async (model) => {
      if (options.json !== true) io.out(prompt);
      const text = await model.generate(prompt, {
        tokens: options.tokens,
        temperature: options.temperature,
        topK: options.topK ?? null,
        ...(options.topP === undefined ? {} : { topP: options.topP }),
        seed: options.seed,
        signal: interrupt.signal,
        ...(options.json === true ? {} : { onText: io.out }),
      });
      if (options.json === true)
        io.out(
          `${JSON.stringify({ formatVersion: "1.0", prompt, text, engine: model.engine }, null, 2)}\n`,
        );
      else io.out("\n");
      return interrupt.code();
    });
  } finally {
    interrupt.done();
  }
};
