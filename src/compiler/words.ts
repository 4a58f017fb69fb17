// The words the whole compiler knows: the base language's and every feature's, merged once.
import { syntaxDiagnostics } from "./diagnostics/catalogue.ts";
import { features } from "./features/index.ts";
import { baseVocabulary } from "./semantics/vocabulary/index.ts";
import { mergeVocabulary } from "./semantics/vocabulary.ts";

export const vocabulary = mergeVocabulary(
  baseVocabulary,
  features.map((feature) => feature.vocabulary),
);
export const catalogue = [...syntaxDiagnostics, ...vocabulary.diagnostics];
