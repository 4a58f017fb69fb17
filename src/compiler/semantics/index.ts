// The public face of semantics: text and tables in, Spec and diagnostics out.
export { check, checkRun, type CheckOptions, type CheckResult, type FileLoader } from "./check.ts";
export { catalogue } from "./catalogue.ts";
export { matchSelector } from "./selectors.ts";
export { baseVocabulary } from "./vocabulary/index.ts";
export { mergeVocabulary } from "./vocabulary.ts";
