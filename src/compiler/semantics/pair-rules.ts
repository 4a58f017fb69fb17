// The rules of a recipe against a model's parameters: selectors that take nothing, rules that come too late, parameters without one.
import { suggestion } from "../diagnostics/fix.ts";
import type { Details } from "../diagnostics/types.ts";
import type { Report } from "./context.ts";
import { pastEnd, uncountedHelp } from "./counted.ts";
import type { RuleBlock, Vocabulary } from "./schema.ts";
import { absentWord, nearestSelector } from "./nearest-selector.ts";
import { matchSelector } from "./selectors.ts";
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
  let missed = false;
  rules.forEach(({ selector }, i) => {
    if (selector === undefined) return;
    const options = selector.kind === "or" ? selector.operands : [selector];
    const idle = options.filter((option, o) =>
      takesNothing(option, `${path}.${i}.selector.${o}`, count, given),
    );
    missed ||= idle.length > 0;
    const matched = paths.filter((p) => matchSelector(selector, p, count));
    const fresh = matched.filter((p) => !owner.has(p));
    const closing = i === rules.length - 1 && leavesRest(rules);
    if (matched.length > 0 && fresh.length === 0 && idle.length === 0 && !closing)
      reportShadowed(i, new Set(matched.map((p) => owner.get(p)!)), given);
    for (const p of fresh) owner.set(p, i);
  });
  const left = paths.filter((p) => !owner.has(p));
  // a rule with a mistake may be theirs
  if (left.length > 0 && !missed && rules.every(({ selector }) => selector !== undefined))
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
  const past = pastEnd(option, paths ?? [], count);
  if (past !== undefined) {
    const { word, index, count: there } = past;
    const declared = note(`models.${model.name}.blocks`, origins, "the blocks are declared here");
    report(
      "index-past-end",
      placeOf(at, origins),
      { word, index, model: model.name, count: there, last: there - 1 },
      { notes: word === "block" ? [declared] : [] },
    );
    return true;
  }
  if (paths === undefined || isClass(option, vocabulary)) return false;
  if (paths.some((p) => matchSelector(option, p, count))) return false;
  const span = placeOf(at, origins);
  const near = nearestSelector(option, paths, count);
  const details: Details =
    near === undefined
      ? { help: [whatIsThere(option, paths, model.name)] }
      : {
          help: [
            `write \`${near.text}\`: ${near.reordered ? "from the whole to its parts" : "a path has no gaps, and `**` is any number of segments"}`,
          ],
          ...suggestion(`Write ${near.text}`, span, near.text),
        };
  report("selector-matches-nothing", span, { model: model.name }, details);
  return true;
};

/** For a selector that is like none of the model's. */
const whatIsThere = (option: SelectorSpec, paths: readonly string[], model: string): string => {
  const counted = uncountedHelp(option, paths, model);
  if (counted !== undefined) return counted;
  const absent = absentWord(option, paths);
  return absent === undefined
    ? `parameters of a block: ${some(within(paths))}`
    : `no parameter of ${model} is called ${absent}`;
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
