// What features add to the tables.
import type { RuleBlock, Vocabulary, VocabularyPart } from "./schema.ts";

export const mergeVocabulary = (
  base: Vocabulary,
  features: readonly VocabularyPart[],
): Vocabulary =>
  features.reduce(
    (all, part): Vocabulary => ({
      sums: [...all.sums, ...(part.sums ?? [])],
      constructors: [...all.constructors, ...(part.constructors ?? [])],
      keys: mergeLists(all.keys, part.keys ?? {}),
      diagnostics: [...all.diagnostics, ...(part.diagnostics ?? [])],
      rules: mergeRules(all.rules, part.rules ?? {}),
      words: [...new Set([...all.words, ...(part.words ?? [])])],
      otherNames: mergeLists(all.otherNames, part.otherNames ?? {}),
      blockChecks: [...all.blockChecks, ...(part.checkBlock ? [part.checkBlock] : [])],
      modelChecks: [...all.modelChecks, ...(part.checkModel ? [part.checkModel] : [])],
      pairChecks: [...all.pairChecks, ...(part.checkPair ? [part.checkPair] : [])],
    }),
    base,
  );

type Lists<T> = Readonly<Record<string, readonly T[]>>;
const mergeLists = <T>(a: Lists<T>, b: Lists<T>): Lists<T> => {
  const merged: Record<string, readonly T[]> = { ...a };
  for (const [name, added] of Object.entries(b)) merged[name] = [...(merged[name] ?? []), ...added];
  return merged;
};

/** A feature's default rules come first, so that its parameters are not taken by the general ones. */
const mergeRules = (a: Vocabulary["rules"], b: Vocabulary["rules"]): Vocabulary["rules"] => {
  const merged: Record<string, readonly RuleBlock[]> = { ...a };
  for (const [place, added] of Object.entries(b)) {
    let blocks = merged[place] ?? [];
    for (const block of added)
      blocks = blocks.some((known) => known.name === block.name)
        ? blocks.map((known) =>
            known.name === block.name
              ? { ...known, default: `${block.default}\n${known.default}` }
              : known,
          )
        : [...blocks, block];
    merged[place] = blocks;
  }
  return merged;
};
