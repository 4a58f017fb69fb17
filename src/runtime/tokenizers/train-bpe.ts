// Learns byte-pair merges: the pair that occurs most is merged, again and again. Distinct pieces are counted once; a merge
// touches only the pieces that hold its pair, and a heap with late correction finds the next. Ties go to the lower ids, so
// that the same text gives the same tokenizer everywhere.
import { bpeTokenizer } from "./bpe.ts";
import { gpt2Split } from "./splits.ts";
import { BYTE_CHARACTERS, tokenizerJson, type Tokenizer } from "./tokenizer.ts";

interface Candidate {
  readonly count: number;
  readonly key: number;
}
/** More often first, then the lower pair. */
const before = (a: Candidate, b: Candidate): boolean =>
  a.count > b.count || (a.count === b.count && a.key < b.key);

const push = (heap: Candidate[], item: Candidate): void => {
  let at = heap.push(item) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(item, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = item;
};
const pop = (heap: Candidate[]): Candidate | undefined => {
  const [top, last] = [heap[0], heap.pop()];
  if (last === undefined || heap.length === 0) return top;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
    if (!before(heap[child]!, last)) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return top;
};

const END = "<|endoftext|>";
/** Ids: 0 is the end of a document, 1 .. 256 are the bytes, then the merges in order. */
const FIRST_BYTE = 1;
const FIRST_MERGE = 257;
/** So many tokens there are before the first merge. */
export const LEAST_TOKENS = FIRST_MERGE;
const RADIX = 16777216;

/** `size` tokens in all, fewer when the text has no pair left that occurs twice. */
export const trainBpe = (chunks: Iterable<string>, size: number): Tokenizer => {
  if (size < FIRST_MERGE)
    throw new RangeError(
      `a byte-level vocabulary takes at least ${FIRST_MERGE} tokens, not ${size}`,
    );
  const pieceCounts = new Map<string, number>();
  for (const chunk of chunks) {
    for (const piece of gpt2Split(chunk)) pieceCounts.set(piece, (pieceCounts.get(piece) ?? 0) + 1);
  }
  const encoder = new TextEncoder();
  const words = [...pieceCounts].map(([piece, count]) => ({
    ids: Array.from(encoder.encode(piece), (b) => FIRST_BYTE + b),
    count,
  }));

  const counts = new Map<number, number>();
  const places = new Map<number, Set<number>>();
  const add = (a: number, b: number, by: number, word: number): number => {
    const key = a * RADIX + b;
    counts.set(key, (counts.get(key) ?? 0) + by);
    if (by > 0) {
      const at = places.get(key);
      if (at === undefined) places.set(key, new Set([word]));
      else at.add(word);
    }
    return key;
  };
  words.forEach(({ ids, count }, w) => {
    for (let i = 0; i + 1 < ids.length; i += 1) add(ids[i]!, ids[i + 1]!, count, w);
  });
  const heap: Candidate[] = [];
  for (const [key, count] of counts) push(heap, { key, count });

  const tokens = [END, ...BYTE_CHARACTERS];
  const merges: (readonly [string, string])[] = [];
  while (tokens.length < size) {
    const top = pop(heap);
    if (top === undefined || top.count < 2) break;
    const { key } = top;
    const count = counts.get(key) ?? 0;
    if (count !== top.count) {
      // Stale: counts fall while an entry waits. What has risen was pushed again when it rose.
      if (count > 0 && count < top.count) push(heap, { key, count });
      continue;
    }
    const [a, b, merged] = [Math.floor(key / RADIX), key % RADIX, tokens.length];
    merges.push([tokens[a]!, tokens[b]!]);
    tokens.push(tokens[a]! + tokens[b]!);
    const risen = new Set<number>();
    for (const w of places.get(key) ?? []) {
      const { ids, count: times } = words[w]!;
      for (let i = 0; i + 1 < ids.length; i += 1) {
        if (ids[i] !== a || ids[i + 1] !== b) continue;
        if (i > 0) {
          add(ids[i - 1]!, a, -times, w);
          risen.add(add(ids[i - 1]!, merged, times, w));
        }
        if (i + 2 < ids.length) {
          add(b, ids[i + 2]!, -times, w);
          risen.add(add(merged, ids[i + 2]!, times, w));
        }
        ids.splice(i, 2, merged);
      }
    }
    counts.delete(key);
    places.delete(key);
    for (const pair of risen) {
      const now = counts.get(pair) ?? 0;
      if (now > 0) push(heap, { key: pair, count: now });
    }
  }
  const vocab = new Map(tokens.map((token, id) => [token, id]));
  const special = [{ id: 0, content: END }];
  return bpeTokenizer(
    {
      vocab,
      merges,
      added: special.map((token) => ({
        ...{ ...token, special: true, normalized: false },
        ...{ lstrip: false, rstrip: false, singleWord: false },
      })),
      splits: [gpt2Split],
      normalize: (x) => x,
      ignoreMerges: false,
      begin: [],
    },
    () => tokenizerJson(Object.fromEntries(vocab), merges, special),
  );
};
