// A recipe against the model it trains: tokens against the vocabulary, sequence against context, rules against parameters.
import { suggestion } from "../diagnostics/fix.ts";
import { variantOf } from "./spec-values.ts";
import type { Report } from "./context.ts";
import type { ParameterShape, Vocabulary } from "./schema.ts";
import { literalOf, note, placeOf } from "./shapes.ts";
import { checkImages } from "./pair-images.ts";
import { checkRules } from "./pair-rules.ts";
import type { DecoderSpec, Known, KnownModel, Origin, RecipeSpec, RuleSpec } from "./spec.ts";

type Origins = ReadonlyMap<string, Origin>;

export const checkPair = (
  model: KnownModel,
  recipe: Known<RecipeSpec>,
  /** The model's; undefined where it is not sound. */
  parameters: readonly ParameterShape[] | undefined,
  origins: Origins,
  vocabulary: Vocabulary,
  report: Report,
): void => {
  if (model.kind === "image") checkImages(model, recipe, origins, report);
  else checkText(model, recipe, origins, report);
  const r = `recipes.${recipe.name}`;
  const paths = parameters?.map(({ name }) => name);
  for (const block of vocabulary.rules["recipe"] ?? [])
    checkRules({
      block,
      path: `${r}.${block.name}`,
      rules: recipe[block.name] as readonly Known<RuleSpec>[],
      model,
      paths,
      origins,
      vocabulary,
      report,
    });
  if (parameters === undefined) return;
  for (const rule of vocabulary.pairChecks)
    for (const { name, args, at, details = {} } of rule(model, recipe, parameters)) {
      const place = placeOf(at === undefined ? r : `${r}.${at}`, origins);
      report.raise({ name, at: place, args, details });
    }
};

/** Text for a decoder: its tokens, and how many at once. */
const checkText = (
  model: Known<DecoderSpec>,
  recipe: Known<RecipeSpec>,
  origins: Origins,
  report: Report,
): void => {
  const m = `models.${model.name}`;
  const r = `recipes.${recipe.name}`;
  if (recipe.data === undefined) return;
  if (recipe.data.is !== "text") {
    report(
      "data-of-other-input",
      placeOf(`${r}.data`, origins),
      { data: recipe.data.is, gives: "images", model: model.name, reads: "tokens" },
      { help: ["use data = text(…), or train a model with input = image(…)"] },
    );
    return;
  }
  const sequence = recipe.data["sequence"];
  if (typeof sequence === "number" && model.context !== undefined && sequence > model.context) {
    const at = literalOf(`${m}.context`, origins);
    report(
      "sequence-too-long",
      placeOf(`${r}.data.sequence`, origins),
      { sequence, context: model.context, model: model.name },
      {
        notes: [note(`${m}.context`, origins, "context is set here")],
        help: [`use sequence: ${model.context}, or context = ${sequence}`],
        ...suggestion(`Set context to ${sequence}`, at, String(sequence)),
      },
    );
  }
  const tokenizer = variantOf(recipe.data["tokenizer"]);
  const size = tokenizer?.is === "bytes" ? 256 : tokenizer?.["size"];
  if (typeof size === "number" && model.vocab_size !== undefined && size > model.vocab_size) {
    const at = literalOf(`${m}.vocab_size`, origins);
    // A tokenizer that nobody chose is hardly the mistake.
    const chosen = origins.get(`${r}.data.tokenizer`)?.how !== "default";
    const tokenizerAt = placeOf(`${r}.data.tokenizer`, origins);
    report(
      "vocab-too-small",
      chosen ? tokenizerAt : at,
      { tokens: size, vocab: model.vocab_size, model: model.name },
      {
        notes: [
          chosen
            ? note(`${m}.vocab_size`, origins, "vocab_size is set here")
            : { at: tokenizerAt, text: "the default tokenizer is bytes()" },
        ],
        help: [`use vocab_size = ${size}`],
        ...suggestion(`Set vocab_size to ${size}`, at, String(size)),
      },
    );
  }
};
