// A recipe against the model it trains: tokens against the vocabulary, sequence against context, rules against parameters.
import { suggestion } from "../diagnostics/fix.ts";
import { variantOf } from "./spec-values.ts";
import type { Report } from "./context.ts";
import type { ParameterShape, RuleBlock, Vocabulary } from "./schema.ts";
import { indices, matchSelector } from "./selectors.ts";
import { literalOf, note, placeOf } from "./shapes.ts";
import { checkImages } from "./pair-images.ts";
import type {
  DecoderSpec,
  Known,
  KnownModel,
  Origin,
  RecipeSpec,
  RuleSpec,
  SelectorSpec,
} from "./spec.ts";

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
    checkRules(
      block,
      `${r}.${block.name}`,
      recipe[block.name] as readonly Known<RuleSpec>[],
      model,
      paths,
      origins,
      vocabulary,
      report,
    );
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

const some = (names: readonly string[]): string =>
  names.length <= 4
    ? names.join(", ")
    : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;

const checkRules = (
  block: RuleBlock,
  path: string,
  rules: readonly Known<RuleSpec>[],
  model: KnownModel,
  paths: readonly string[] | undefined,
  origins: Origins,
  vocabulary: Vocabulary,
  report: Report,
): void => {
  if (origins.get(path)?.how === "default") return;
  const count = model.blocks?.length;
  if (count === undefined) return;
  const owner = new Map<string, number>();
  rules.forEach(({ selector }, i) => {
    if (selector === undefined) return;
    const at = `${path}.${i}.selector`;
    const options: readonly SelectorSpec[] =
      selector.kind === "or" ? selector.operands : [selector];
    let silent = false;
    options.forEach((option, o) => {
      const place = placeOf(`${at}.${o}`, origins);
      const past = indices(option).find((index) => index.name === "blocks" && index.to > count);
      if (past !== undefined) {
        report(
          "index-past-end",
          place,
          { model: model.name, count, last: count - 1, index: past.to - 1 },
          {
            notes: [note(`models.${model.name}.blocks`, origins, "the blocks are declared here")],
          },
        );
        silent = true;
      } else if (
        paths !== undefined &&
        !isClass(option, vocabulary) &&
        !paths.some((p) => matchSelector(option, p, count))
      ) {
        report(
          "selector-matches-nothing",
          place,
          { model: model.name },
          {
            help: [
              countedHelp(option, paths, model.name) ??
                `parameters of a block: ${some(within(paths))}`,
            ],
          },
        );
        silent = true;
      }
    });
    const matched = (paths ?? []).filter((p) => matchSelector(selector, p, count));
    const fresh = matched.filter((p) => !owner.has(p));
    const closing = i === rules.length - 1 && leavesRest(rules);
    if (matched.length > 0 && fresh.length === 0 && !silent && !closing) {
      const first = [...new Set(matched.map((p) => owner.get(p)!))].sort((a, b) => a - b);
      report(
        "rule-shadowed",
        placeOf(at, origins),
        { block: block.name },
        {
          notes: first.map((j) => ({
            at: placeOf(`${path}.${j}.selector`, origins),
            text: "this rule takes them first",
          })),
          help: ["move it up, or remove it"],
        },
      );
    }
    for (const p of fresh) owner.set(p, i);
  });
  const left = (paths ?? []).filter((p) => !owner.has(p));
  // a rule with a mistake may be theirs
  if (left.length > 0 && rules.every(({ selector }) => selector !== undefined))
    report(
      "parameters-without-rule",
      placeOf(path, origins),
      { block: block.name, names: some(left) },
      {
        help: ["end the block with `* => …`"],
      },
    );
};

/** Of the first block: the model's, or where it has none of its own, its first branch's. */
const within = (paths: readonly string[]): readonly string[] =>
  paths.flatMap((path) => /^(?:\w+\.0\.)?blocks\.0\.(.+)$/.exec(path)?.[1] ?? []);

const takesAll = ({ selector }: Known<RuleSpec>): boolean =>
  selector?.kind === "path" && selector.segments.every(({ kind }) => kind !== "name");

/** `* => none` at the end says what holds anyway, where rules above it for parts have taken all there is. */
const leavesRest = (rules: readonly Known<RuleSpec>[]): boolean =>
  rules.at(-1)?.value?.is === "none" && rules.findIndex(takesAll) === rules.length - 1;

/** How many there are of what a path counts but blocks, such as heads of a model that parts: word to count. */
const countedIn = (paths: readonly string[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>();
  for (const [, word = "", index] of paths.flatMap((p) => [...p.matchAll(/(\w+)\.(\d+)\./g)]))
    if (word !== "blocks") counts.set(word, Math.max(counts.get(word) ?? 0, Number(index) + 1));
  return counts;
};

/** Where a selector counts what is not there: what can be counted. */
const countedHelp = (
  selector: SelectorSpec,
  paths: readonly string[],
  model: string,
): string | undefined => {
  const there = countedIn(paths);
  const wrong = indices(selector).find(
    ({ name, to }) => name !== "blocks" && to > (there.get(name) ?? 0),
  );
  if (wrong === undefined) return undefined;
  const own = there.get(wrong.name);
  const counted = own === undefined ? [...there] : [[wrong.name, own] as const];
  const ranges = counted.map(([word, n]) =>
    n === 1 ? `${word}[0]` : `${word}[0] to ${word}[${n - 1}]`,
  );
  return ranges.length === 0
    ? `${model} has no ${wrong.name} to count`
    : `${model} has ${ranges.join(", ")}`;
};

/** A class word alone may match nothing: a LLaMA has no bias. */
const isClass = (selector: SelectorSpec, vocabulary: Vocabulary): boolean => {
  if (selector.kind !== "path")
    return selector.kind === "not" || selector.operands.every((s) => isClass(s, vocabulary));
  const [only, ...more] = selector.segments;
  return (
    more.length === 0 &&
    (only?.kind !== "name" || (only.index === undefined && vocabulary.words.includes(only.name)))
  );
};
