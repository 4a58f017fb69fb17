// Of the words that a feature brings, those that stand for the method itself and not for a part of it: values of a key of
// models, blocks or recipes, or further forms of what the base language has.
import type { Constructor } from "../semantics/schema.ts";
import { baseVocabulary } from "../semantics/vocabulary/index.ts";
import type { Feature } from "./feature.ts";

export const ownWords = ({ vocabulary }: Feature): readonly Constructor[] => {
  const base = baseVocabulary.sums.map(({ name }) => name);
  const keys = Object.values(vocabulary.keys ?? {}).flat();
  const held = keys.flatMap(({ type }) => (type.kind === "sum" ? [type.name] : []));
  return (vocabulary.constructors ?? []).filter(({ of }) => base.includes(of) || held.includes(of));
};
