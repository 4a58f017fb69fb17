// Tokens that are taken out of a text whole, before anything else looks at it.
import { listOf, isObject, type Fault } from "./file.ts";

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Stands for no bytes of a text: an end, a turn. */
  readonly special: boolean;
  /** Looked for in the normalized text, after the others. */
  readonly normalized: boolean;
  /** White space before it, or after it, is its own. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Not inside of a word. */
  readonly singleWord: boolean;
}

export const addedTokensOf = (json: unknown, fault: Fault): readonly AddedToken[] =>
  listOf(json).map((token) => {
    if (!isObject(token)) throw fault("an added token is no object");
    const { id, content } = token;
    if (typeof id !== "number" || typeof content !== "string")
      throw fault("an added token has no id or content");
    const is = (flag: string): boolean => token[flag] === true;
    return {
      ...{ id, content, special: is("special"), normalized: is("normalized") },
      ...{ lstrip: is("lstrip"), rstrip: is("rstrip"), singleWord: is("single_word") },
    };
  });

const WORD = "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]";
const [ENDS_IN_WORD, BEGINS_WITH_WORD] = [new RegExp(`${WORD}$`, "u"), new RegExp(`^${WORD}`, "u")];
const isInWord = (text: string, start: number, end: number): boolean =>
  ENDS_IN_WORD.test(text.slice(Math.max(0, start - 2), start)) ||
  BEGINS_WITH_WORD.test(text.slice(end, end + 2));
const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");

/** A text cut at tokens; of two that begin alike the longer is looked for. `contentOf`: as the text shows them. */
export const cutter = (
  tokens: readonly AddedToken[],
  contentOf: (content: string) => string,
): ((text: string) => readonly (string | number)[]) => {
  const known = new Map(
    tokens
      .map((token) => [contentOf(token.content), token] as const)
      .filter(([content]) => content !== ""),
  );
  if (known.size === 0) return (text) => [text];
  const contents = [...known.keys()].sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  const pattern = new RegExp(contents.map(escape).join("|"), "gu");
  return (text) => {
    const parts: (string | number)[] = [];
    let at = 0;
    for (const match of text.matchAll(pattern)) {
      const { id, lstrip, rstrip, singleWord } = known.get(match[0])!;
      const end = match.index + match[0].length;
      if (singleWord && isInWord(text, match.index, end)) continue;
      // The token before may have taken the space between.
      const before = text.slice(at, match.index);
      const kept = lstrip ? before.replace(/\p{White_Space}+$/u, "") : before;
      if (kept !== "") parts.push(kept);
      parts.push(id);
      at = end + (rstrip ? /^\p{White_Space}*/u.exec(text.slice(end))![0].length : 0);
    }
    if (at < text.length) parts.push(text.slice(at));
    return parts;
  };
};
