// `specc generate`: continues a prompt. The text goes to standard output as it is made.
import { openTokenizer } from "../../runtime/data/index.ts";
import { generate as continueText } from "../../runtime/decode/generate.ts";
import { CliError } from "../errors.ts";
import { interruptible, type Io } from "../io.ts";
import { openTarget, withSession } from "../open.ts";
import type { ChoiceOptions } from "../program.ts";
import { loadWeights, weightsPath, type EngineName } from "../runtime.ts";

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

export const generate = async (io: Io, version: string, name: string, options: GenerateOptions): Promise<number> => {
  const { bundle, host, folder } = await openTarget(io, version, name, options, false);
  const weights = weightsPath(io, options.weights, folder);
  if (weights === undefined) throw new CliError(`no weights: there is no model.safetensors beside ${name}`, ["train first, or give a file with --weights"]);
  const { training, model } = bundle.manifest;
  const tokenizer = await openTokenizer(training?.data.tokenizer ?? { kind: "bytes" }, host);
  if (tokenizer.size > model.vocabSize) throw new CliError(`the tokenizer has ${tokenizer.size} tokens, the model ${model.vocabSize}`, [], 1);
  const prompt = options.prompt === "-" ? await io.stdin() : options.prompt;
  const interrupt = interruptible(io);
  try {
    return await withSession(io, bundle, options, async (session) => {
      await loadWeights(io, session, bundle, weights);
      if (options.json !== true) io.out(prompt);
      const { text, ids, ended } = await continueText(session, bundle.manifest, tokenizer, host, {
        prompt,
        tokens: options.tokens,
        temperature: options.temperature,
        topK: options.topK ?? null,
        ...(options.topP === undefined ? {} : { topP: options.topP }),
        seed: options.seed,
        signal: interrupt.signal,
        ...(options.json === true ? {} : { onText: io.out }),
      });
      if (options.json === true) io.out(`${JSON.stringify({ formatVersion: "1.0", prompt, text, tokens: ids.length, ended, engine: session.engine }, null, 2)}\n`);
      else io.out("\n");
      return interrupt.code();
    });
  } finally {
    interrupt.done();
  }
};
