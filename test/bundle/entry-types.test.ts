// index.d.ts of a bundle against those who rely on it: a program that uses it compiles, and the runtime's model is what it says.
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, test } from "vitest";
import { analyzeText } from "../../src/compiler/analyze.ts";
import { compile } from "../../src/compiler/compile.ts";
import { manifestOf } from "../../src/compiler/emit/bundle.ts";
import { entryTypes } from "../../src/compiler/emit/entry-types.ts";
import { TINY } from "../cli/run.ts";

const here = fileURLToPath(new URL("./", import.meta.url));
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  strict: true,
  exactOptionalPropertyTypes: true,
  allowImportingTsExtensions: true,
  noEmit: true,
  skipLibCheck: true,
  types: ["node"],
};

/** What TypeScript says about texts that lie as files beside this test. */
const complaints = (files: Readonly<Record<string, string>>): readonly string[] => {
  const texts = new Map(Object.entries(files).map(([name, text]) => [here + name, text]));
  const disk = ts.createCompilerHost(OPTIONS);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (path) => texts.has(path) || disk.fileExists(path),
    readFile: (path) => texts.get(path) ?? disk.readFile(path),
    getSourceFile: (path, how, ...rest) => {
      const text = texts.get(path);
      return text === undefined
        ? disk.getSourceFile(path, how, ...rest)
        : ts.createSourceFile(path, text, how);
    },
  };
  const program = ts.createProgram([...texts.keys()], OPTIONS, host);
  return [...texts.keys()].flatMap((path) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(path))
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n")),
  );
};

const typesOf = (text: string): string => {
  const checked = analyzeText("model.arch", text);
  const { models, recipes } = checked.spec!;
  const target = { entry: "model.arch", checked, model: Object.values(models)[0]! };
  const compilation = compile({ ...target, recipe: Object.values(recipes)[0] });
  return entryTypes(manifestOf(compilation, "0.0.0", new Map()));
};

const CONSUMER = `import createModel, { readManifest, type Evaluation, type FitOptions, type FitResult, type Model, type Progress } from "./bundle.js";
import type * as runtime from "../../src/runtime/index.ts";
import type { TextEvaluation } from "../../src/runtime/train/evaluate.ts";

export const use = async (): Promise<string> => {
  const manifest = await readManifest();
  const model = await createModel({ engine: "wasm", weights: "initial", seed: 1 });
  const { logits } = await model.forward([1, 2, 3]);
  const vocabulary: 256 = logits.shape[2];
  const onStep = ({ loss, perSecond, unit }: Progress): void =>
    console.log(loss, perSecond, unit, vocabulary, manifest["specHash"]);
  const { status, evaluation } = await model.trainer().fit({ steps: 3, onStep });
  if (status === "finished") console.log(evaluation?.perplexity);
  const [text] = await model.generate(["The "], { tokens: 3, topK: null, stop: [".\\n"] });
  await model.close();
  return text ?? "";
};

// What the types say is there, of a model of text …
export const model = (given: runtime.Model): Omit<Model, "forward" | "trainer" | "evaluate"> => given;
export const result = (given: runtime.FitResult): Omit<FitResult, "evaluation"> => given;
export const evaluation = (given: TextEvaluation): Evaluation => given;
export const progress = (given: runtime.Progress & { unit: "tokens" }): Progress => given;
type Heard = "onStep" | "onEvaluation"; // of text alone
export const options = (given: Omit<FitOptions, Heard>): Partial<runtime.FitOptions> => given;

// … and what is there they say, but for what is another kind's, or of use to specc alone.
type None<T extends never> = T;
export type OfModel = None<
  Exclude<keyof runtime.Model, keyof Model | "manifest" | "session" | "tokenizer" | "classify">
>;
export type OfEvaluation = None<Exclude<keyof TextEvaluation, keyof Evaluation>>;
export type OfResult = None<Exclude<keyof runtime.FitResult, keyof FitResult>>;
export type OfProgress = None<Exclude<keyof runtime.Progress, keyof Progress>>;
export type OfOptions = None<
  Exclude<keyof runtime.FitOptions, keyof FitOptions | "source" | "beforeWriting" | "beforeSteps" | "evaluationSamples">
>;
`;

const WRONG = `import createModel from "./bundle.js";
export const use = async (): Promise<void> => {
  const model = await createModel({ engine: "abacus" });
  await model.trainer().fit({ step: 3 });
};
`;

const types = typesOf(TINY);

test("a program that uses a bundle compiles, and its types are those of the runtime", () => {
  expect(complaints({ "bundle.d.ts": types, "consumer.ts": CONSUMER })).toEqual([]);
}, 120_000);

test("what a bundle has not is refused", () => {
  expect(complaints({ "bundle.d.ts": types, "consumer.ts": WRONG })).toEqual([
    expect.stringContaining(`"abacus"' is not assignable`),
    expect.stringContaining("'step' does not exist"),
  ]);
}, 120_000);
