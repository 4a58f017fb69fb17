// A model in the hands of a program: what a bundle's index.js and the command line work with.
import { TOKENIZER, WEIGHTS } from "../bundle/names.ts";
import { needImages, needTokens } from "../bundle/kinds.ts";
import type { Engine, LoadedBundle, Session } from "../bundle/engine.ts";
import { FileFault } from "../bundle/file-fault.ts";
import { isWeight } from "../bundle/disk.ts";
import type { HostState, Manifest } from "../bundle/manifest.ts";
import {
  bytesReader,
  openSafetensors,
  writeSafetensors,
  type SafetensorsFile,
} from "../bundle/safetensors.ts";
import type { HostTensor, Tensors } from "../bundle/tensor.ts";
import {
  checkChat,
  checkEvaluate,
  checkFit,
  checkGenerate,
  checkPath,
  checkPrompts,
} from "./arguments.ts";
import { chooseEngine } from "./choose-engine.ts";
import { heldOut, loadData } from "./data/index.ts";
import {
  NO_DEFAULTS,
  readGenerationDefaults,
  withDefaults,
  type GenerationDefaults,
} from "./decode/defaults.ts";
import { generate, type Generated, type GenerateOptions } from "./decode/generate.ts";
import { cpuEngine, wasmEngine } from "./engines/tfjs.ts";
import { fit, type FitOptions, type FitResult } from "./fit.ts";
import { classify, forward, type Classification } from "./forward.ts";
import { joinPath, replaceFile, type Host } from "./host.ts";
import { applyMasks, checkAgainst, checkValues, initialise, isTied, loadEntries } from "./state.ts";
import {
  findChatTemplate,
  renderChat,
  type ChatMessage,
  type ChatOptions,
} from "./tokenizers/chat.ts";
import { besideWeights, type Beside } from "./tokenizers/beside.ts";
import { findTokenizer, tokenizerOf } from "./tokenizers/find.ts";
import type { Tokenizer } from "./tokenizers/tokenizer.ts";
import { checkWeights, loadWeights, weightFiles } from "./train/checkpoint.ts";
import { evaluate, type EvaluateOptions, type Evaluation } from "./train/evaluate.ts";
import { passesOf, type ImageBatch, type TokenBatch } from "./train/given-batches.ts";
import { recipeOf } from "./train/begin.ts";
import { planStep, runStep } from "./train/step.ts";

export interface ModelOptions {
  readonly bundle: LoadedBundle;
  readonly host: Host;
  /** "auto" (default), the name of one of `engines`, or an engine. */
  readonly engine?: string | Engine | undefined;
  readonly engines?: readonly Engine[] | undefined;
  /**
   * A safetensors file or a folder with one; or its bytes; or tensors by name on disk; "initial" for initial values of the seed.
   * Without, they are initial too, to be trained or loaded before the model is asked for texts or classes; they are drawn when
   * something needs them, which a training by the recipe, with a seed or weights of its own, does not.
   */
  readonly weights?: string | Uint8Array | Tensors | undefined;
  readonly seed?: number | undefined;
  readonly tokenizer?: Tokenizer | undefined;
  /** Where tokenizer.json and its like lie. Default: beside the weights, when they are a path. */
  readonly beside?: Beside | undefined;
  /** Hears what the engine runs without, once each: `Session.notices`. */
  readonly onNotice?: ((notice: string) => void) | undefined;
}
export interface Trainer {
  /** One update of a batch of the recipe's size. */
  step(
    batch: TokenBatch | ImageBatch,
  ): Promise<{ readonly step: number; readonly loss: number; readonly gradNorm: number }>;
  /** The recipe, from its data to its report. */
  fit(options: FitOptions): Promise<FitResult>;
}
export interface Model {
  readonly manifest: Manifest;
  /** What the engine holds and runs. Its state is zero as long as nothing has needed initial weights. */
  readonly session: Session;
  /** Its name, and why it was taken. */
  readonly engine: string;
  readonly why: string;
  /** Of images, each H · W · C numbers from 0 to 1: the likeliest class, and the probability of each. */
  classify(images: readonly ArrayLike<number>[]): Promise<readonly Classification[]>;
  /** Logits [B, T, V] of rows of equal length T. */
  forward(ids: readonly (readonly number[])[]): Promise<{ readonly logits: HostTensor }>;
  /**
   * The new text, without the prompt. Options that are not given are those of generation_config.json beside the weights, where
   * there is one.
   */
  generate(prompt: string, options?: GenerateOptions): Promise<string>;
  /** The new text of each prompt, made together. */
  generate(prompts: readonly string[], options?: GenerateOptions): Promise<readonly string[]>;
  /** The same, with tokens and the reason of each end. */
  complete(prompts: readonly string[], options?: GenerateOptions): Promise<readonly Generated[]>;
  /** Messages as one prompt, by the chat template that lies beside the weights; continue it with `rendered: true`. */
  chatPrompt(messages: readonly ChatMessage[], options?: ChatOptions): Promise<string>;
  /** How the weights' own generation_config.json wants text to be drawn. */
  generationDefaults(): Promise<GenerationDefaults>;
  trainer(): Trainer;
  /** Held-out loss on the recipe's data. */
  evaluate(options?: EvaluateOptions): Promise<Evaluation>;
  tokenizer(): Promise<Tokenizer>;
  /** model.safetensors, config.json and, where the model has one, tokenizer.json. */
  save(folder: string): Promise<void>;
  load(path: string): Promise<void>;
  /** The bytes of model.safetensors. */
  saveWeights(): Promise<Uint8Array>;
  close(): Promise<void>;
}

const INITIAL = "initial";
const defaultEngines = (): readonly Engine[] => [wasmEngine(), cpuEngine()];

const storedOf = async (weights: Uint8Array | Tensors): Promise<SafetensorsFile> =>
  openSafetensors(
    bytesReader(weights instanceof Uint8Array ? weights : writeSafetensors(weights), "weights"),
  );

/**
 * Every weight from a file or from memory; what is there besides keeps its values.
 * @param inUse the session's weights are to outlive others that are damaged
 */
const fillWeights = async (
  session: Session,
  manifest: Manifest,
  host: Host,
  weights: string | Uint8Array | Tensors,
  inUse: boolean,
): Promise<void> => {
  if (typeof weights === "string") {
    if (inUse) await checkWeights(manifest, host, weights, true);
    return loadWeights(session, manifest, host, weights);
  }
  const stored = await storedOf(weights);
  const entries = manifest.state.filter(isWeight);
  checkAgainst(entries, stored, "weights", isTied(manifest));
  if (inUse) await checkValues(entries, stored, "weights");
  await loadEntries(session, entries, stored, "weights");
};

export const createModel = async (options: ModelOptions): Promise<Model> => {
  const { bundle, host, engine: wanted } = options;
  const { manifest } = bundle;
  const chosen =
    typeof wanted === "object"
      ? { engine: wanted, why: "given" }
      : await chooseEngine(options.engines ?? defaultEngines(), wanted ?? "auto", manifest);
  const session = await chosen.engine.open(bundle, options.onNotice);
  const { weights } = options;
  const initial = (chosen?: (entry: HostState) => boolean): Promise<void> =>
    initialise(session, manifest, options.seed ?? manifest.training?.seed ?? 0, chosen);
  let isOpen = true;
  const needOpen = (): void => {
    if (!isOpen) throw new Error("the model is closed");
  };
  /** All state has values, or is about to. */
  let filled: Promise<void> | undefined;
  const fill = async (): Promise<void> => {
    needOpen();
    await (filled ??= initial());
  };
  const load = async (given: string | Uint8Array | Tensors): Promise<void> => {
    needOpen();
    const inUse = filled !== undefined;
    if (!inUse) await initial((entry) => !isWeight(entry));
    await fillWeights(session, manifest, host, given, inUse);
    filled = Promise.resolve();
  };
  try {
    if (weights === INITIAL) await fill();
    else if (weights !== undefined) await load(weights);
  } catch (error) {
    await session.close();
    throw error;
  }
  const isPath = typeof weights === "string" && weights !== INITIAL;
  const beside = options.beside ?? (isPath ? besideWeights(host, weights) : undefined);
  let isMeant = weights !== undefined;
  /** Noise is never passed off as the model's answer. */
  const needWeights = (): void => {
    needOpen();
    if (isMeant) return;
    throw new FileFault(
      WEIGHTS,
      "there are no weights: these are what a training begins with",
      'train, load a file of weights, or ask for untrained ones with weights: "initial"',
    );
  };
  let known = options.tokenizer;
  const tokenizer = async (): Promise<Tokenizer> => {
    needTokens(manifest);
    return (known ??= await findTokenizer(host, manifest, beside));
  };
  let defaults: GenerationDefaults | undefined;
  const generationDefaults = async (): Promise<GenerationDefaults> =>
    (defaults ??= beside === undefined ? NO_DEFAULTS : await readGenerationDefaults(beside));
  // One call at a time has the cache; those that come meanwhile wait for it.
  let before: Promise<unknown> = Promise.resolve();
  const complete = async (
    call: string,
    prompts: readonly string[],
    how: GenerateOptions | undefined,
  ): Promise<readonly Generated[]> => {
    needTokens(manifest);
    checkPrompts(call, prompts);
    checkGenerate(call, how);
    needWeights();
    const words = await tokenizer();
    const drawn = withDefaults(how ?? {}, await generationDefaults());
    const mine = before.then(() => generate(session, manifest, words, host, prompts, drawn));
    before = mine.catch(() => undefined);
    return mine;
  };
  // The overloads are one function, whose result has the form of its argument.
  function generateText(prompt: string, how?: GenerateOptions): Promise<string>;
  function generateText(
    prompts: readonly string[],
    how?: GenerateOptions,
  ): Promise<readonly string[]>;
  async function generateText(
    given: string | readonly string[],
    how?: GenerateOptions,
  ): Promise<string | readonly string[]> {
    const single = typeof given === "string";
    if (!single && !Array.isArray(given))
      throw new TypeError(`generate: a prompt is a string, or a list of them, got ${typeof given}`);
    const done = await complete("generate", single ? [given] : given, how);
    const texts = done.map(({ text }) => text);
    return single ? texts[0]! : texts;
  }
  return {
    manifest,
    session,
    engine: session.engine,
    why: chosen.why,
    tokenizer,
    classify: async (images) => {
      needImages(manifest);
      needWeights();
      return classify(session, manifest, images);
    },
    forward: async (ids) => {
      needTokens(manifest);
      await fill();
      return { logits: await forward(session, manifest, ids) };
    },
    generate: generateText,
    complete: (prompts, how) => complete("complete", prompts, how),
    generationDefaults,
    chatPrompt: async (messages, how) => {
      needTokens(manifest);
      checkChat(messages, how);
      const template = beside && (await findChatTemplate(beside));
      if (template !== undefined) return renderChat(template, messages, how);
      throw new FileFault(
        (beside?.where ?? "weights") || ".",
        "no chat template: neither chat_template.jinja nor one in tokenizer_config.json",
      );
    },
    trainer: () => {
      let step = 0;
      return {
        step: async (batch) => {
          const passes = passesOf(manifest, batch);
          await fill();
          if (step === 0) await applyMasks(session, manifest);
          const result = await runStep(session, planStep(session, manifest, passes, step + 1));
          step += 1;
          isMeant = true;
          return { step, loss: result.loss, gradNorm: result.gradNorm };
        },
        fit: async (how) => {
          checkFit(how);
          needOpen();
          return fit(session, manifest, host, {
            ...how,
            inUse: filled !== undefined,
            beforeWriting: async () => {
              filled = Promise.resolve();
              isMeant = true;
              await how.beforeWriting?.();
            },
          });
        },
      };
    },
    evaluate: async (how) => {
      checkEvaluate(how);
      const data = await loadData(recipeOf(manifest).data, host, { write: false });
      const held = heldOut(data);
      if (held !== undefined) {
        await fill();
        return evaluate(session, manifest, held, host, how);
      }
      throw new FileFault(
        data.files.join(", "),
        "nothing of the data is held out for evaluation",
        "give `split` a second part, as in [95%, 5%]",
      );
    },
    save: async (folder) => {
      checkPath("save: the folder", folder);
      await fill();
      await host.makeFolder(folder);
      for (const [name, bytes] of await weightFiles(session, manifest))
        await replaceFile(host, joinPath(folder, name), bytes);
      if (manifest.model.kind !== "decoder") return;
      const words = known ?? (await tokenizerOf(host, manifest, beside));
      if (words !== undefined) await replaceFile(host, joinPath(folder, TOKENIZER), words.toJson());
    },
    load: async (path) => {
      checkPath("load: what to load", path);
      await load(path);
      isMeant = true;
    },
    saveWeights: async () => {
      await fill();
      return (await weightFiles(session, manifest)).get(WEIGHTS) ?? new Uint8Array(0);
    },
    close: async () => {
      isOpen = false;
      await session.close();
    },
  };
};
