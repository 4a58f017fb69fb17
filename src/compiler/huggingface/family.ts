// A family of models as Hugging Face's libraries know it: one description of config.json in both directions, and of the
// tensors where they lie otherwise than specc's own do. Reading makes a draft of a model; writing makes a config, which counts
// only when reading it back gives the same model, so that no family ever claims more than it can say.
import type { DecoderSpec, Value, Variant } from "../semantics/spec.ts";
import type { Config, ConfigReader } from "./config-reader.ts";
import type { TensorRule } from "./layout.ts";

/** Keys with their values; what is not given takes the language's default. */
export type Keys = Readonly<Record<string, Value | undefined>>;
/** A model before checking. Texts are words of the language: `tanh`. */
export interface Draft {
  readonly model: Keys;
  /** One for each layer. */
  readonly blocks: readonly Keys[];
}

export interface Family {
  /** config.json: model_type. */
  readonly name: string;
  /** config.json: architectures. */
  readonly architecture: string;
  /** What people call it, and where it is described. */
  readonly source: string;
  /** Undefined: `transformers` has this class. Else who reads such a folder, as a sentence. */
  readonly reader?: string;
  /** Where the model type alone does not tell. */
  readonly recognises?: (config: Config, tensors: ReadonlySet<string>) => boolean;
  readonly read: (config: ConfigReader) => Draft;
  /** Any model: what does not fit is left out, and then reading back tells. */
  readonly write: (model: DecoderSpec) => Config;
  /** What of a model version 4 of `transformers` computes otherwise, although its config says it there: a sentence each. */
  readonly lostBefore5?: (model: DecoderSpec) => readonly string[];
  /** Of all its tensors; a checkpoint of the bare decoder lacks it. */
  readonly prefix?: string;
  /** How its tensors are made of specc's; those that no rule names are the same on both sides. */
  readonly tensors?: readonly TensorRule[];
  /** Tensors that carry nothing of a model, by name, and why. */
  readonly empty?: readonly { readonly name: RegExp; readonly why: string }[];
}

/** A constructor of the language: `make("rope", { theta: 10_000 })`; keys without a value are left to their defaults. */
export const make = (is: string, keys: Keys = {}): Variant => ({
  is,
  ...Object.fromEntries(
    Object.entries(keys).filter((entry): entry is [string, Value] => entry[1] !== undefined),
  ),
});
