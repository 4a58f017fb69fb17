// The public door of the compiler, for programs: `import { analyze, choose, compile, bundle } from "specc"`.
export { analyze, analyzePair, bundle, catalogue, compile, vocabulary } from "./compile.ts";
export type {
  Assets,
  BuildOptions,
  CheckResult,
  Compilation,
  FileLoader,
  Files,
  Target,
} from "./compile.ts";
export { choose } from "./choose.ts";
export type { Choice, Chosen } from "./choose.ts";
export { render } from "./diagnostics/render.ts";
export type { Diagnostic, Edit, Fix, Severity, Source, Span } from "./diagnostics/types.ts";
export type { Accounts } from "./emit/accounts.ts";
export { modelSvg } from "./emit/model-svg.ts";
export type { BlockSpec, ModelSpec, RecipeSpec, Spec, Value, Variant } from "./semantics/spec.ts";
