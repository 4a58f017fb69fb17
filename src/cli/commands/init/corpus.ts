// The text that `specc init` gives a model to learn: sentences put together from short lists, so that a spec of a few thousand
// parameters has something regular to find and nothing has to be downloaded.

const WHO = [
  "The baker",
  "The sailor",
  "A tall girl",
  "The old clock maker",
  "My neighbour",
  "The gardener",
  "A quiet boy",
  "The postman",
] as const;
const DOES = [
  "carries",
  "mends",
  "paints",
  "sells",
  "hides",
  "counts",
  "borrows",
  "polishes",
] as const;
const WHAT = [
  "a red kite",
  "two silver spoons",
  "the garden gate",
  "a box of letters",
  "seven apples",
  "the broken lamp",
  "an empty jar",
  "a small boat",
] as const;
const WHEN = [
  "in the morning",
  "before the rain",
  "after supper",
  "on market day",
  "when the bell rings",
  "at the end of May",
  "while the cat sleeps",
] as const;

/** Steps through each list with a stride that shares no factor with its length: every sentence once, in a mixed order. */
const pick = <T>(list: readonly T[], n: number, stride: number): T =>
  list[(n * stride) % list.length]!;

export const corpus = (): string => {
  const total = WHO.length * DOES.length * WHAT.length * WHEN.length;
  const sentences = Array.from({ length: total }, (_, i) => {
    const n = (i * 1237) % total;
    const who = pick(WHO, n, 1);
    const does = pick(DOES, Math.floor(n / WHO.length), 3);
    const what = pick(WHAT, Math.floor(n / (WHO.length * DOES.length)), 5);
    const when = pick(WHEN, Math.floor(n / (WHO.length * DOES.length * WHAT.length)), 2);
    return `${who} ${does} ${what} ${when}.`;
  });
  const lines: string[] = [];
  for (let i = 0; i < sentences.length; i += 8) lines.push(sentences.slice(i, i + 8).join(" "));
  return `${lines.join("\n")}\n`;
};
