// The tables of the base language in one place.
import { catalogue } from "../catalogue.ts";
import { imageKind } from "../kinds.ts";
import { otherNames } from "../other-names.ts";
import type { Vocabulary } from "../schema.ts";
import { imageDataConstructors, imageDataSums } from "./image-data.ts";
import { imageBlockKeys, imageConstructors, imageModelKeys, imageSums } from "./images.ts";
import { blockKeys, modelConstructors, modelKeys, modelSums } from "./model.ts";
import { recipeConstructors, recipeKeys, recipeRules, recipeSums } from "./recipe.ts";

export const baseVocabulary: Vocabulary = {
  sums: [...modelSums, ...imageSums, ...recipeSums, ...imageDataSums],
  constructors: [
    ...modelConstructors,
    ...imageConstructors,
    ...recipeConstructors,
    ...imageDataConstructors,
  ],
  keys: {
    model: modelKeys,
    blocks: blockKeys,
    [imageKind.model]: imageModelKeys,
    [imageKind.blocks]: imageBlockKeys,
    recipe: recipeKeys,
  },
  diagnostics: catalogue,
  rules: { recipe: recipeRules },
  words: ["norm", "bias", "embedding", "head"],
  otherNames,
  blockChecks: [],
  modelChecks: [],
  pairChecks: [],
};
