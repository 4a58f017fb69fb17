// The kinds of models: what a model reads decides its keys. The tables name the places.
import type { ModelSpec } from "./spec.ts";

export interface ModelKind {
  readonly kind: ModelSpec["kind"];
  /** The constructor of `input`. */
  readonly input: string;
  /** What it reads, in messages. */
  readonly reads: string;
  /** Places of its keys in the vocabulary. */
  readonly model: string;
  readonly blocks: string;
}
export const decoderKind: ModelKind = {
  kind: "decoder",
  input: "tokens",
  reads: "tokens",
  model: "model",
  blocks: "blocks",
};
export const imageKind: ModelKind = {
  kind: "image",
  input: "image",
  reads: "images",
  model: "model of images",
  blocks: "blocks of images",
};
export const modelKinds: readonly ModelKind[] = [decoderKind, imageKind];
