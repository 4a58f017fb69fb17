// The rules of a recipe against a model's parameters: selectors that take nothing, rules that come too late, parameters without one.
import type { Report } from "./context.ts";
import type { RuleBlock, Vocabulary } from "./schema.ts";
import { indices, matchSelector } from "./selectors.ts";
import { note, placeOf } from "./shapes.ts";
import type { Known, KnownModel, Origin, RuleSpec, SelectorSpec } from "./spec.ts";

/** One block of rules, and what its selectors choose from. */
export interface RulesOfPair {
  readonly block: RuleBlock;
  /** "recipes.R.decay" */
  readonly path: string;
  readonly rules: readonly Known<RuleSpec>[];
  readonly model: KnownModel;
  /** Of its parameters; undefined where it is not sound. */
  readonly paths: readonly string[] | undefined;
  readonly origins: ReadonlyMap<string, Origin>;
  readonly vocabulary: Vocabulary;
  readonly report: Report;
}

const some = (names: readonly string[]): string =>
  names.length <= 4
    ? names.join(", ")
    : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;

export const checkRules = (given: RulesOfPair): void => {
  const { block, path, rules, model, paths = [], origins, report } = given;
  const count = model.blocks?.length;
  if (count === undefined || origins.get(path)?.how === "default") return;
  /** The first rule that takes a parameter has it. */
  const owner = new Map<string, number>();
  rules.forEach(({ selector }, i) => {
    if (selector === undefined) return;
    const options = selector.kind === "or" ? selector.operands : [selector];
    const idle = options.filter((option, o) =>
      takesNothing(option, `${path}.${i}.selector.${o}`, count, given),
    );
    const matched = paths.filter((p) => matchSelector(selector, p, count));
    const fresh = matched.filter((p) => !owner.has(p));
    const closing = i === rules.length - 1 && leavesRest(rules);
    if (matched.length > 0 && fresh.length === 0 && idle.length === 0 && !closing)
      reportShadowed(i, new Set(matched.map((p) => owner.get(p)!)), given);
    for (const p of fresh) owner.set(p, i);
  });
  const left = paths.filter((p) => !owner.has(p));
  // a rule with a mistake may be theirs
  if (left.length > 0 && rules.every(({ selector }) => selector !== undefined))
    report(
      "parameters-without-rule",
      placeOf(path, origins),
      { block: block.name, names: some(left) },
      { help: ["end the block with `* => …`"] },
    );
};

/** Whether it is said of an alternative of a selector that there is nothing for it to take. */
const takesNothing = (
  option: SelectorSpec,
  at: string,
  count: number,
  { model, paths, origins, vocabulary, report }: RulesOfPair,
): boolean => {
  const past = indices(option).find((index) => index.name === "blocks" && index.to > count);
  if (past !== undefined) {
    report(
      "index-past-end",
      placeOf(at, origins),
      { model: model.name, count, last: count - 1, index: past.to - 1 },
      { notes: [note(`models.${model.name}.blocks`, origins, "the blocks are declared here")] },
    );
    return true;
  }
  if (paths === undefined || isClass(option, vocabulary)) return false;
  if (paths.some((p) => matchSelector(option, p, count))) return false;
  const help =
    countedHelp(option, paths, model.name) ?? `parameters of a block: ${some(within(paths))}`;
  report("selector-matches-nothing", placeOf(at, origins), { model: model.name }, { help: [help] });
  return true;
};

const reportShadowed = (
  rule: number,
  by: ReadonlySet<number>,
  { block, path, origins, report }: RulesOfPair,
): void => {
  const at = (i: number): ReturnType<typeof placeOf> => placeOf(`${path}.${i}.selector`, origins);
  report(
    "rule-shadowed",
    at(rule),
    { block: block.name },
    {
      notes: [...by]
        .sort((a, b) => a - b)
        .map((i) => ({ at: at(i), text: "this rule takes them first" })),
      help: ["move it up, or remove it"],
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
