// Few models in which many pairs meet: each takes one part of every key, chosen greedily so that pairs that have not met do.
import type { Axis, Part } from "./models.ts";

const idOf = ({ key, text }: Part): string => `${key} = ${text}`;
const pairId = (a: string, b: string): string => (a < b ? `${a} | ${b}` : `${b} | ${a}`);

export interface Cover {
  readonly models: readonly (readonly Part[])[];
  /** Parts that never stand together: they are refused. */
  readonly refused: readonly (readonly [string, string])[];
}

/**
 * @param wanted whether these two, of different keys, have to meet
 * @param refusedPairs which pairs of these are refused; a model that has any is given up
 */
export const coverOf = (
  axes: readonly Axis[],
  wanted: (a: Part, b: Part) => boolean,
  refusedPairs: (parts: readonly Part[]) => readonly (readonly [Part, Part])[],
): Cover => {
  const lists = axes.map((a) => [...a.plain, ...a.settings]);
  const open = new Set<string>();
  lists.forEach((list, i) => {
    for (const other of lists.slice(i + 1))
      for (const a of list)
        for (const b of other) if (wanted(a, b)) open.add(pairId(idOf(a), idOf(b)));
  });
  const refused = new Map<string, readonly [string, string]>();
  const models: (readonly Part[])[] = [];
  while (open.size > 0) {
    const [first, second] = [...open][0]!.split(" | ");
    const start = lists.flat().filter((p) => idOf(p) === first || idOf(p) === second);
    const chosen = [...start];
    for (const list of lists) {
      if (chosen.some(({ key }) => key === list[0]!.key)) continue;
      const meets = (p: Part, pairs: { has(id: string): boolean }): number =>
        chosen.filter((c) => pairs.has(pairId(idOf(c), idOf(p)))).length;
      const free = list.filter((p) => meets(p, refused) === 0);
      const best = free.reduce<Part | undefined>(
        (top, p) => (top === undefined || meets(p, open) > meets(top, open) ? p : top),
        undefined,
      );
      if (best !== undefined) chosen.push(best);
    }
    const found = refusedPairs(chosen);
    for (const [a, b] of found) {
      refused.set(pairId(idOf(a), idOf(b)), [a.text, b.text]);
      open.delete(pairId(idOf(a), idOf(b)));
    }
    if (found.length > 0) continue;
    models.push(chosen);
    chosen.forEach((a, i) => {
      for (const b of chosen.slice(i + 1)) open.delete(pairId(idOf(a), idOf(b)));
    });
  }
  return { models, refused: [...refused.values()] };
};
