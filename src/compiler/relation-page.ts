// The page of two names, `specc explain gpas with deepnorm`: what the checks say about a model that has both.
import { suggest } from "../bundle/suggest.ts";
import type { Diagnostic } from "./diagnostics/types.ts";
import type { Explanation } from "./explain/index.ts";
import { meantBy } from "./explain/meant.ts";
import { features } from "./features/index.ts";
import { ownWords } from "./features/own-words.ts";
import { relationOf, verdictOf, type Relation } from "./relations.ts";
import type { Constructor, Key } from "./semantics/schema.ts";
import { orList } from "./semantics/values.ts";
import { catalogue, vocabulary } from "./words.ts";

/** A constructor, or a method by its name or that of its paper: then what it brings. */
const constructorsOf = (topic: string): readonly Constructor[] =>
  [topic, ...meantBy(topic, features, vocabulary.otherNames)]
    .map(constructorsNamed)
    .find((found) => found.length > 0) ?? [];

const constructorsNamed = (name: string): readonly Constructor[] => {
  const named = vocabulary.constructors.filter(
    (c) => c.name === name || `${c.of}.${c.name}` === name,
  );
  const feature = features.find((f) => f.name === name);
  return named.length > 0 || feature === undefined ? named : ownWords(feature);
};

/** A key has no relations; the values that have it do. */
const helpWithKey = (key: string, other: string): readonly string[] => {
  const has = ({ name }: Key): boolean => name === key;
  const values = vocabulary.constructors.filter(({ keys }) => keys.some(has));
  const places = Object.entries(vocabulary.keys).filter(([, keys]) => keys.some(has));
  const owners = [...places.map(([place]) => place), ...values.map(({ name }) => name)];
  if (owners.length === 0) return [];
  const [value] = values.map(({ name }) => name);
  const both = value !== undefined && value !== other && constructorsOf(other).length > 0;
  return [
    `${key} is a key of ${orList(owners)}: specc explain ${key}`,
    ...(both ? [`specc explain ${value} with ${other} tells whether those go together`] : []),
  ];
};

const OPENINGS: Readonly<Record<ReturnType<typeof verdictOf>, string>> = {
  yes: "They go together.",
  "with exceptions": "They go together, with exceptions.",
  no: "They exclude each other.",
  "in turn": "Both are the value of one key, so a block has one of them; layers may have either.",
  apart: "They belong to models that read different things, tokens and images.",
  "one of them": "Both are the value of one key, so a model has one of them.",
};

/** "error SPC3103: parallel sub-layers meet in one addition, …" */
const complaintLine = ({ severity, code, message }: Diagnostic): string =>
  `${severity} ${code}: ${message}`;
/** All there is to say about a relation, a line each. */
export const remarksOf = ({ complaints, settings, unless }: Relation): readonly string[] => [
  ...complaints.map(complaintLine),
  ...(unless.length === 0
    ? []
    : [`allowed with ${unless.map((text) => `\`${text}\``).join(", ")}`]),
  ...settings.map((s) => `with \`${s.text}\` ${s.complaints.map(complaintLine).join("; ")}`),
];

const reasons = (relation: Relation): readonly string[] => {
  const all = [relation, ...relation.settings].flatMap(({ complaints }) => complaints);
  return [...new Set(all.map(({ name }) => name))].flatMap((name) => {
    const entry = catalogue.find((e) => e.name === name);
    return entry === undefined ? [] : [entry.why];
  });
};

const page = (first: Constructor, second: Constructor): string => {
  const relation = relationOf(first, second);
  const { text } = relation;
  const points = remarksOf(relation).map((remark) => `- ${remark}`);
  return [
    `# ${first.name} with ${second.name}`,
    "",
    OPENINGS[verdictOf(relation)],
    ...(text === "" ? [] : ["", "```arch", text, "```"]),
    ...(points.length === 0 ? [] : ["", ...points]),
    ...reasons(relation).flatMap((why) => ["", why]),
    "",
  ].join("\n");
};

/** "peri sandwich", "peri and sandwich", "peri, sandwich" -> "peri with sandwich", the topic of their relation. */
export const pairOf = (topic: string): string | undefined => {
  const names = topic.trim().split(/\s+and\s+|\s*[,+&]\s*|\s+/);
  return names.length === 2 && names.every((name) => constructorsOf(name).length > 0)
    ? names.join(" with ")
    : undefined;
};

/** undefined: the topic names no pair. */
export const explainRelation = (topic: string): Explanation | undefined => {
  const names = /^\s*(\S+)\s+with\s+(\S+)\s*$/.exec(topic);
  if (names === null) return undefined;
  const [first, second] = [names[1]!, names[2]!];
  const [ones, others] = [constructorsOf(first), constructorsOf(second)];
  const lost = ones.length === 0 ? first : others.length === 0 ? second : undefined;
  if (lost !== undefined) {
    const help = helpWithKey(lost, lost === first ? second : first);
    if (help.length > 0) return { found: false, help };
    const known = [...vocabulary.constructors, ...features].map(({ name }) => name);
    const suggestion = suggest(lost, new Set(known));
    if (suggestion === undefined)
      return { found: false, help: [`${lost} is neither a constructor nor a method`] };
    return { found: false, suggestion: topic.trim().replace(lost, suggestion) };
  }
  const pages = ones.flatMap((one) =>
    others.flatMap((other) => (one === other ? [] : [page(one, other)])),
  );
  return pages.length === 0
    ? { found: false, help: ["name two that differ: specc explain gpas with deepnorm"] }
    : { found: true, text: pages.join("\n") };
};
