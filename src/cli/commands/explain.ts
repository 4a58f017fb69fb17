// `specc explain`: the page of a word or a code, from the tables that the checker reads.
import { catalogue, vocabulary } from "../../compiler/words.ts";
import { explain } from "../../compiler/explain/index.ts";
import { features } from "../../compiler/features/index.ts";
import { ownWords } from "../../compiler/features/own-words.ts";
import { explainRelation, pairOf } from "../../compiler/relation-page.ts";
import { CliError } from "../errors.ts";
import type { Io } from "../io.ts";

export const explainTopic = (io: Io, topic: string): number => {
  const methods = features.map((f) => ({ name: f.name, paper: f.paper, words: ownWords(f) }));
  const page = explainRelation(topic) ?? explain(topic, vocabulary, catalogue, methods);
  if (page.found) {
    io.out(page.text.endsWith("\n") ? page.text : `${page.text}\n`);
    return 0;
  }
  const pair = pairOf(topic);
  if (pair !== undefined)
    throw new CliError(`nothing is called "${topic}"`, [
      `specc explain ${pair} tells whether they go together`,
    ]);
  throw new CliError(
    `nothing is called "${topic}"`,
    page.suggestion === undefined
      ? (page.help ?? ["specc explain model is the page of a model and its keys"])
      : [`did you mean ${page.suggestion}?`],
  );
};
