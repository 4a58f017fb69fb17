// "did you mean": the nearest name by edit distance, where swapping two neighbours counts as one edit; else the one that begins
// with the word, as `hidden_size` does with `hidden`, or that the word begins with, as `sequence_length` does with `sequence`.

export function suggest(
  word: string,
  candidates: readonly string[] | ReadonlySet<string>,
): string | undefined {
  let best: string | undefined;
  // a single letter is near every other one
  let bestDistance = Math.min(Math.ceil(word.length / 3) + 1, word.length);
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  if (best !== undefined || word.length < SHORTEST_BEGINNING) return best;
  const all = [...candidates];
  return (
    only(all.filter((name) => name.startsWith(word))) ??
    only(all.filter((name) => name.length > 1 && word.startsWith(`${name}_`)))
  );
}

const SHORTEST_BEGINNING = 3;

const only = (found: readonly string[]): string | undefined =>
  found.length === 1 ? found[0] : undefined;

export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, before[j - 2]! + 1);
      row.push(cost);
    }
    [before, previous] = [previous, row];
  }
  return previous[b.length]!;
}
