// The tables of the base language in one place.
import { catalogue } from "../catalogue.ts";
import type { Vocabulary } from "../schema.ts";
import { blockKeys, modelConstructors, modelKeys, modelSums } from "./model.ts";
import { recipeConstructors, recipeKeys, recipeRules, recipeSums } from "./recipe.ts";

export const baseVocabulary: Vocabulary = {
  sums: [...modelSums, ...recipeSums],
  constructors: [...modelConstructors, ...recipeConstructors],
  keys: { model: modelKeys, blocks: blockKeys, recipe: recipeKeys },
  diagnostics: catalogue,
  rules: { recipe: recipeRules },
  words: ["norm", "bias", "embedding", "head"],
  blockChecks: [],
  modelChecks: [],
};
