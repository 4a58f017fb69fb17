// What is meant by a topic that is no name here: the method of a paper, by its title or arXiv number; or our word for what
// another library calls so. Case, hyphens and underscores do not count.
import type { OtherNames } from "../semantics/other-names.ts";

interface Published {
  readonly name: string;
  readonly paper: { readonly title: string; readonly arxiv: string };
}

/** "Mix-LN" -> ["mix", "ln"]; "the" opens titles and tells nothing. */
const wordsOf = (text: string): readonly string[] =>
  text
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word, i) => word !== "" && !(i === 0 && word === "the"));

/** The same of names that differ in case, hyphens and the like alone. */
export const squeezed = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, "");

/** "arXiv:2506.22049v2" -> "2506.22049". */
const numberOf = (topic: string): string | undefined =>
  /^(?:arxiv[:\s]*)?(\d{4}\.\d{4,5})(?:v\d+)?$/i.exec(topic.trim())?.[1];

/** The title from its first word on, at least two words or all before its colon. */
const opens = (topic: string, title: string): boolean => {
  const [wanted, all] = [wordsOf(topic), wordsOf(title)];
  const least = Math.min(2, wordsOf(title.split(":")[0]!).length);
  return wanted.length >= least && wanted.every((word, i) => word === all[i]);
};

/** Names here, the likeliest first. */
export const meantBy = (
  topic: string,
  methods: readonly Published[],
  otherNames: OtherNames,
): readonly string[] => {
  const number = numberOf(topic);
  const published = methods.filter(({ paper }) =>
    number === undefined ? opens(topic, paper.title) : number === paper.arxiv,
  );
  const same = squeezed(topic);
  const called = Object.entries(otherNames).filter(([, others]) =>
    others.some((other) => squeezed(other) === same),
  );
  return same === "" ? [] : [...published.map(({ name }) => name), ...called.map(([word]) => word)];
};
