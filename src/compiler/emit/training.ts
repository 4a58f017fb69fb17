// The recipe as the runtime needs it: data, sizes and lengths without vocabulary. What depends on the step alone (learning
// rate, bias corrections) was turned into scalar expressions by the model stage.
import type {
  DataSpec,
  ImageData,
  ImageSource,
  Numerics,
  TokenizerSpec,
  TrainingSpec,
} from "../../bundle/manifest.ts";
import { InternalError } from "../diagnostics/types.ts";
import { flag, number, numbers, optionalNumber, quantity, text, variant } from "../model/config.ts";
import { isVariant } from "../semantics/spec-values.ts";
import type { Compiled } from "../model/types.ts";
import type { ModelSpec, Quantity, RecipeSpec, Value, Variant } from "../semantics/spec.ts";

const optionalText = (v: Variant, key: string): string | null =>
  v[key] === null || v[key] === undefined ? null : text(v, key);

const globs = (data: Variant): readonly string[] => {
  const files = data["files"];
  if (!Array.isArray(files)) return [text(data, "files")];
  return files.filter((file): file is string => typeof file === "string");
};

const tokenizerOf = (data: Variant, vocabSize: number): TokenizerSpec => {
  const tokenizer = variant(data, "tokenizer");
  if (tokenizer.is === "bytes") return { kind: "bytes" };
  return {
    kind: "bpe",
    file: text(tokenizer, "file"),
    size: optionalNumber(tokenizer, "size") ?? vocabSize,
  };
};

const sourceOf = (source: Variant): ImageSource => {
  switch (source.is) {
    case "shapes":
      return {
        kind: "shapes",
        train: number(source, "train"),
        test: number(source, "test"),
        size: number(source, "size"),
        seed: number(source, "seed"),
      };
    case "mnist":
    case "cifar10":
      return { kind: source.is, ...folderOf(source) };
    case "cifar100":
      return {
        ...{ kind: "cifar100", ...folderOf(source) },
        labels: text(source, "labels") === "coarse" ? "coarse" : "fine",
      };
    default:
      throw new InternalError(`no images from ${source.is}`);
  }
};
const folderOf = (
  source: Variant,
): { readonly folder: string; readonly package: string | null } => ({
  folder: text(source, "folder"),
  package: optionalText(source, "package"),
});

const augmentOf = (data: Variant): ImageData["augment"] => {
  const steps = data["augment"];
  return (Array.isArray(steps) ? (steps as readonly Value[]) : [])
    .filter(isVariant)
    .map((step) =>
      step.is === "crop" ? { kind: "crop", padding: number(step, "padding") } : { kind: "flip" },
    );
};

/** `vocabSize`: of a tokenizer that is yet to be trained, where the recipe does not say it. */
export const dataOf = (data: Variant, vocabSize = 0): DataSpec =>
  data.is === "images"
    ? { kind: "images", source: sourceOf(variant(data, "source")), augment: augmentOf(data) }
    : textOf(data, vocabSize);
export const vocabularyOf = (model: ModelSpec): number =>
  model.kind === "decoder" ? model.vocab_size : 0;

const textOf = (data: Variant, vocabSize: number): DataSpec => {
  const [train = 1, validation = 0] = numbers(data, "split");
  return {
    kind: "text",
    files: globs(data),
    package: optionalText(data, "package"),
    tokenizer: tokenizerOf(data, vocabSize),
    sequence: number(data, "sequence"),
    pack: flag(data, "pack"),
    split: [train, validation],
  };
};

const lengthOf = ({ unit, value }: Quantity): TrainingSpec["length"] => {
  if (unit === "step" || unit === "epoch" || unit === "token") return { unit, value };
  throw new InternalError(`length in ${unit}`);
};

/** Every so many updates. Epochs are unknown here: the runtime evaluates and saves at the end in any case. */
const everyOf = (quantity: Quantity | null, tokensPerStep: number): number | null => {
  if (quantity === null) return null;
  if (quantity.unit === "step") return quantity.value;
  if (quantity.unit === "token") return Math.max(1, Math.round(quantity.value / tokensPerStep));
  return null;
};

/** A model without a recipe computes in f32. */
export const numericsOf = (recipe: RecipeSpec | undefined): Numerics => ({
  products: recipe?.precision.is === "bf16" ? "bf16" : "f32",
  tf32: recipe?.precision.is === "f32" && flag(recipe.precision, "tf32"),
  deterministic: recipe?.deterministic ?? false,
});

export const trainingOf = (
  recipe: RecipeSpec,
  compiled: Compiled,
  model: ModelSpec,
): TrainingSpec => {
  const data = dataOf(recipe.data, vocabularyOf(model));
  const tokensPerStep = recipe.batch.value * (data.kind === "text" ? data.sequence : 0);
  const { sample } = recipe;
  return {
    recipe: recipe.name,
    data,
    batch: recipe.batch.value,
    micro: recipe.micro.value,
    length: lengthOf(recipe.length),
    totalSteps: compiled.totalSteps,
    seed: recipe.seed,
    evalEvery: everyOf(recipe.eval_every, tokensPerStep),
    saveEvery: everyOf(recipe.save_every, tokensPerStep),
    probeEvery: recipe.probes && quantity(recipe.probes, "every").value,
    sample: sample && {
      prompt: text(sample, "prompt"),
      tokens: number(sample, "tokens"),
      temperature: number(sample, "temperature"),
      topK: optionalNumber(sample, "top_k"),
    },
    learningRate: compiled.learningRate ?? 0,
  };
};
