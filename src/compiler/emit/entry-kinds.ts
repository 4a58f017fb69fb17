// The parts of a bundle's index.d.ts that depend on what the model reads.
import type { DecoderInfo, ImageModelInfo, Manifest } from "../../bundle/manifest.ts";

/** What a kind of model has of its own. */
export interface KindTypes {
  /** Declarations of results and options. */
  readonly declarations: string;
  /** Of a batch of the recipe. */
  readonly batch: string;
  /** What progress counts. */
  readonly unit: "tokens" | "images";
  /** The evaluation's members. */
  readonly evaluation: string;
  readonly about: string;
  /** Members of the model. */
  readonly members: string;
  /** What is saved. */
  readonly saved: string;
}

export const decoderTypes = (
  { programs, training }: Manifest,
  { vocabSize, context, hiddenSize, layers }: DecoderInfo,
): KindTypes => {
  const rows = programs.find(({ name }) => name === "decode_step")?.inputs[0]?.shape[0] ?? 1;
  const sequence = training?.data.kind === "text" ? training.data.sequence : 0;
  return {
    about: `${layers} layers, width ${hiddenSize}, vocabulary ${vocabSize}`,
    saved: "model.safetensors, config.json and tokenizer.json",
    unit: "tokens",
    batch: `  /** ${training?.batch ?? 0} rows of ${sequence} token ids. */
  readonly input_ids: readonly (readonly number[])[];
  /** Already shifted by one; -100 does not count. */
  readonly targets: readonly (readonly number[])[];`,
    evaluation: `  readonly kind: "text";
  /** Nats a token. */
  readonly loss: number;
  /** Sequences looked at, of so many that are held out. */
  readonly samples: number;
  readonly heldOut: number;
  readonly perplexity: number;
  readonly bitsPerByte: number;
  readonly tokens: number;
  readonly bytes: number;`,
    declarations: `export interface Logits extends Tensor {
  /** [rows, positions, vocabulary] */
  readonly shape: readonly [number, number, ${vocabSize}];
  readonly data: Float32Array;
}
/** What is not given is as generation_config.json beside this file says, where it says something. */
export interface GenerateOptions {
  /** How many to make. Default 128. */
  readonly tokens?: number;
  /** 0 takes the likeliest token. Default 1. */
  readonly temperature?: number;
  /** Draw from so many of the likeliest tokens; null or absent: from all. */
  readonly topK?: number | null;
  /** Draw from the fewest tokens whose probabilities reach this sum. Default 1. */
  readonly topP?: number;
  /** Above 1: tokens that occurred already become less likely. Default 1. */
  readonly repetitionPenalty?: number;
  readonly seed?: number;
  /** Ends a text where one of these begins. */
  readonly stop?: readonly string[];
  /** Prompts are whole, as chatPrompt makes them: the tokenizer puts nothing before them. */
  readonly rendered?: boolean;
  /** Each new part of a text, and the index of its prompt. */
  readonly onText?: (text: string, prompt: number) => void;
  readonly signal?: AbortSignal;
}
export interface ChatMessage {
  readonly role: string;
  readonly content: unknown;
  readonly [key: string]: unknown;
}
export interface Completion {
  readonly prompt: string;
  /** Without the prompt. */
  readonly text: string;
  readonly ids: readonly number[];
  readonly ended: "length" | "stop" | "interrupted";
}`,
    members: `  /** One row of at most ${context} ids below ${vocabSize}, or rows of one length. */
  forward(ids: readonly number[] | readonly (readonly number[])[]): Promise<{ readonly logits: Logits }>;
  /** The new text, without the prompt. */
  generate(prompt: string, options?: GenerateOptions): Promise<string>;
  /** The new text of each prompt, ${rows === 1 ? "one after the other" : `${rows} of them at once`}. */
  generate(prompts: readonly string[], options?: GenerateOptions): Promise<readonly string[]>;
  /** The same, with tokens and the reason of each end. */
  complete(prompts: readonly string[], options?: GenerateOptions): Promise<readonly Completion[]>;
  /** Messages as one prompt, by chat_template.jinja or tokenizer_config.json beside this file. */
  chatPrompt(
    messages: readonly ChatMessage[],
    options?: { readonly addGenerationPrompt?: boolean; readonly tools?: readonly unknown[] },
  ): Promise<string>;
  /** How generation_config.json beside this file wants texts to be drawn, where no option says otherwise. */
  generationDefaults(): Promise<{
    readonly options: Pick<GenerateOptions, "tokens" | "temperature" | "topK" | "topP" | "repetitionPenalty">;
    /** Its keys that are not followed. */
    readonly unused: readonly string[];
  }>;`,
  };
};

export const imageTypes = (
  { training }: Manifest,
  { height, width, channels, classes, layers }: ImageModelInfo,
): KindTypes => {
  const image = `${height}×${width}×${channels} numbers from 0 to 1, row by row, the channels of a pixel together`;
  return {
    about: `${layers} residual units, images of ${height}×${width}×${channels}, ${classes} classes`,
    saved: "model.safetensors and config.json",
    unit: "images",
    batch: `  /** ${training?.batch ?? 0} images, each ${image}. */
  readonly images: readonly ArrayLike<number>[];
  /** The class of each; -100 does not count. */
  readonly targets: readonly number[];`,
    evaluation: `  readonly kind: "images";
  /** Nats an image. */
  readonly loss: number;
  /** Images looked at, of so many that are held out. */
  readonly samples: number;
  readonly heldOut: number;
  readonly images: number;`,
    declarations: `export interface Classification {
  /** From 0. */
  readonly label: number;
  /** Of each of the ${classes} classes. */
  readonly probabilities: Float32Array;
}`,
    members: `  /** Images of ${image}. */
  classify(images: readonly ArrayLike<number>[]): Promise<readonly Classification[]>;`,
  };
};
