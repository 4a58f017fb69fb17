// What a step reads, by index: windows of text, or images with their classes.
import { MANIFEST } from "../../bundle/names.ts";
import { FileFault } from "../../bundle/file-fault.ts";
import type {
  DataSpec,
  DecoderInfo,
  ImageModelInfo,
  Manifest,
  TextData,
} from "../../bundle/manifest.ts";
import type { HostTensor, Tensors } from "../../bundle/tensor.ts";

/** The inputs of a pass. */
export interface Batch extends Tensors {
  /** What each should be answered with; -100 does not count. */
  readonly targets: HostTensor;
}
export interface Picked {
  readonly index: number;
  /** In training a sample may be varied: as these, and its index, say. */
  readonly variation?: { readonly seed: number; readonly epoch: number };
}
export interface Samples {
  readonly count: number;
  /** A pass of `rows` rows; those without a sample count for nothing. */
  batch(picked: readonly Picked[], rows: number): Batch;
}

export const decoderOf = ({ model }: Manifest): DecoderInfo => {
  if (model.kind === "decoder") return model;
  throw new FileFault(MANIFEST, `${model.name} reads images: it knows no tokens`);
};
export const imageModelOf = ({ model }: Manifest): ImageModelInfo => {
  if (model.kind === "image") return model;
  throw new FileFault(MANIFEST, `${model.name} reads tokens: it sees no images`);
};
export const textOf = (data: DataSpec): TextData => {
  if (data.kind === "text") return data;
  throw new FileFault(MANIFEST, "the recipe's data is images: it has no tokens");
};
