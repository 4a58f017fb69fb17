// SPC4xxx: recipes, their schedules, and their rules over a model's parameters.
import type { DiagnosticEntry } from "../schema.ts";
import { entry } from "./kit.ts";

const recipe = (body: string): string => `recipe R extends Train for Base {\n  ${body}\n}`;
const decay = (...rules: readonly string[]): string =>
  recipe(`decay {\n    ${rules.join("\n    ")}\n  }`);

export const recipeEntries: readonly DiagnosticEntry[] = [
  entry(
    4001,
    "micro-batch-mismatch",
    "a batch of {batch} cannot be made of passes of {micro}",
    "One update adds up whole passes through the model, so micro must divide batch.",
    recipe("batch = 32 sequences\n  micro = 5 sequences"),
    recipe("batch = 32 sequences\n  micro = 4 sequences"),
  ),
  entry(
    4002,
    "split-sum",
    "the parts of the split add up to {total}, not 100%",
    "Every text belongs to training or to validation; nothing is left over or used twice.",
    recipe('data = text("a.txt", split: [90%, 5%])'),
    recipe('data = text("a.txt", split: [90%, 10%])'),
  ),
  entry(
    4003,
    "sequence-too-long",
    "sequences of {sequence} tokens do not fit the context of {model}, {context}",
    "The context is the longest sequence that the model is built for.",
    recipe('data = text("a.txt", sequence: 512)'),
    recipe('data = text("a.txt", sequence: 64)'),
  ),
  entry(
    4004,
    "vocab-too-small",
    "the tokenizer has {tokens} tokens, {model} only {vocab}",
    "Each token needs a row of the embedding and a logit; a larger vocab_size is fine, a smaller one is not.",
    "model Small extends Base { vocab_size = 128 }\nrecipe R extends Train for Small { }",
    "model Small extends Base { vocab_size = 256 }\nrecipe R extends Train for Small { }",
  ),
  entry(
    4005,
    "phases-overlap",
    "warm-up and decay take {total} of the training",
    "The warm-up rises and the decay falls; together they cannot last longer than the training.",
    recipe("schedule = wsd(warmup: 60%, decay: 50%)"),
    recipe("schedule = wsd(warmup: 10%, decay: 50%)"),
  ),
  entry(
    4006,
    "schedule-too-long",
    "warm-up and decay take {steps} steps, the training only {length}",
    "The learning rate would never reach its peak, or never its floor.",
    recipe("length = 100 steps\n  schedule = cosine(warmup: 200 steps)"),
    recipe("length = 100 steps\n  schedule = cosine(warmup: 10 steps)"),
  ),
  entry(
    4007,
    "unknown-selector-word",
    "no parameter is called {name}",
    "A selector is a run of the words in a parameter's path, such as attention.q or blocks[0].ffn, or a class such as norm or bias.",
    decay("atention.* => none", "* => constant(0.1)"),
    decay("attention.* => none", "* => constant(0.1)"),
  ),
  entry(
    4008,
    "selector-matches-nothing",
    "the selector takes no parameter of {model}",
    "A rule that can never apply is a mistake in its path. Class words alone, such as bias, may match nothing.",
    decay("ffn.q => none", "* => constant(0.1)"),
    decay("attention.q => none", "* => constant(0.1)"),
  ),
  entry(
    4009,
    "index-past-end",
    "there is no block {index}: {model} has {count}, counted from 0 to {last}",
    "Selectors count blocks from 0, as checkpoints do, and ranges leave out their end.",
    decay("blocks[0 .. 9] => none", "* => constant(0.1)"),
    decay("blocks[0 .. 2] => none", "* => constant(0.1)"),
  ),
  entry(
    4010,
    "rule-shadowed",
    "earlier rules of {block} take all that this one matches",
    "The first matching rule wins, so this one never applies.",
    decay("attention.* => none", "attention.q => constant(0.2)", "* => constant(0.1)"),
    decay("attention.q => constant(0.2)", "attention.* => none", "* => constant(0.1)"),
  ),
  entry(
    4011,
    "parameters-without-rule",
    "no rule of {block} matches {names}",
    "Every parameter belongs to exactly one rule, so that none is left out by an oversight.",
    decay("norm => none", "attention.* => constant(0.1)"),
    decay("norm => none", "* => constant(0.1)"),
  ),
  entry(
    4012,
    "empty-index-range",
    "{from} .. {to} holds no index",
    "Ranges of indices are half open: a .. b runs from a to b - 1.",
    decay("blocks[1 .. 1] => none", "* => constant(0.1)"),
    decay("blocks[0 .. 1] => none", "* => constant(0.1)"),
  ),
  entry(
    4013,
    "rule-expected",
    "{block} holds rules: selector => value",
    "The block gives each parameter a value by rules; keys have no place in it.",
    decay("rate = 0.1"),
    decay("* => constant(0.1)"),
  ),
  entry(
    4014,
    "nesterov-without-momentum",
    "nesterov: true needs a momentum",
    "Nesterov's step goes where the momentum is about to go; without momentum it would be the plain gradient step.",
    recipe("optimizer = sgd(lr: 0.1, nesterov: true)"),
    recipe("optimizer = sgd(lr: 0.1, momentum: 0.9, nesterov: true)"),
  ),
];
