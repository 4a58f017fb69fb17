// For what is about one kind of model or data alone: that kind of it, or a fault that says which it is.
import { FileFault } from "./file-fault.ts";
import type { DataSpec, DecoderInfo, ImageModelInfo, Manifest, TextData } from "./manifest.ts";
import { MANIFEST } from "./names.ts";

export const decoderOf = ({ model }: Manifest): DecoderInfo => {
  if (model.kind === "decoder") return model;
  throw new FileFault(MANIFEST, `${model.name} reads images: it knows no tokens`);
};
export const imageModelOf = ({ model }: Manifest): ImageModelInfo => {
  if (model.kind === "image") return model;
  throw new FileFault(MANIFEST, `${model.name} reads tokens: it sees no images`);
};
/** For calls of a program, which have the right manifest of the wrong kind. */
export const needTokens = ({ model }: Manifest): void => {
  if (model.kind === "image")
    throw new TypeError(`${model.name} reads images: this is for models that read tokens`);
};
export const needImages = ({ model }: Manifest): void => {
  if (model.kind === "decoder")
    throw new TypeError(`${model.name} reads tokens: this is for models that read images`);
};
export const textOf = (data: DataSpec): TextData => {
  if (data.kind === "text") return data;
  throw new FileFault(MANIFEST, "the recipe's data is images: it has no tokens");
};
