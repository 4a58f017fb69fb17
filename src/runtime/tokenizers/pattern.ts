// Patterns of tokenizer.json are Oniguruma's, and JavaScript reads many of them otherwise: classes that are ASCII's there are
// Unicode's here, anchors are of lines, `.` leaves out \n alone. A pattern is taken over sign by sign; one with a part that has
// no counterpart is refused, since one that is nearly right would be worse.

/** Its `\w` has these numbers of Latin-1, and no others that are no digits. */
const WORD = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u00b2\\u00b3\\u00b9\\u00bc-\\u00be";
/** Of escapes, as they stand inside a class. */
const SETS: Readonly<Record<string, string>> = {
  s: "\\p{White_Space}",
  S: "\\P{White_Space}",
  d: "\\p{Nd}",
  D: "\\P{Nd}",
  w: WORD,
};
const OUTSIDE: Readonly<Record<string, string>> = {
  ".": "[^\\n]",
  "^": "(?<![^\\n])",
  $: "(?![^\\n])",
  "\\W": `[^${WORD}]`,
  "\\b": `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`,
  "\\B": `(?:(?<=[${WORD}])(?=[${WORD}])|(?<![${WORD}])(?![${WORD}]))`,
};
/** The same sign on both sides. */
const SAME = /^\\(?:[nrtfv^$\\.*+?()[\]{}|/]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4})$/;
const GROUPS: ReadonlySet<string> = new Set(["(", "(?:", "(?=", "(?!", "(?<=", "(?<!"]);
const SIGN =
  /\\[pP]\{[^}]*\}|\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[\s\S]|\(\?<?[^\s:)(]?[:)]?|&&|[\s\S]/gu;

/** Scripts are named without saying so. */
const property = (sign: string): string | undefined => {
  const scripted = sign.replace("{", "{Script=");
  return [sign, scripted].find((text) => {
    try {
      return new RegExp(text, "u").source !== "";
    } catch {
      return false;
    }
  });
};
/** Both cases of a letter, as the inside of a class; letters that fold in other ways have none. */
const bothCases = (letter: string): string | undefined => {
  if (letter.toLowerCase() === letter.toUpperCase()) return letter;
  if (!/[a-z]/i.test(letter)) return undefined;
  const more = { s: "\u017f", k: "\u212a" }[letter.toLowerCase()] ?? "";
  return letter.toLowerCase() + letter.toUpperCase() + more;
};

/** Undefined: no pattern that JavaScript has. */
const patternOf = (source: string): RegExp | undefined => {
  const out: string[] = [];
  /** Of the groups that are open: whether case is ignored in them. */
  const ignoring = [false];
  let inClass = false;
  const signs = source.match(SIGN) ?? [];
  for (const [i, sign] of signs.entries()) {
    const folds = ignoring.at(-1) === true;
    let made: string | undefined = sign;
    if (/^\\[pP]\{/.test(sign)) made = property(sign);
    else if (sign.startsWith("\\")) {
      const set = SETS[sign.slice(1)];
      if (set !== undefined) made = inClass || set !== WORD ? set : `[${set}]`;
      else if (!inClass && sign in OUTSIDE) made = OUTSIDE[sign];
      else if (/^\\[\p{P}\p{S}]$/u.test(sign) && !SAME.test(sign))
        made = inClass && sign === "\\-" ? sign : sign.slice(1);
      else if (!SAME.test(sign)) made = undefined;
    } else if (inClass) {
      if (sign === "[" || sign === "&&") made = undefined;
      else if (sign === "]") {
        if (/^\^?$/.test(out.slice(out.lastIndexOf("[") + 1).join(""))) made = undefined;
        inClass = false;
      } else if (folds) made = signs[i + 1] === "-" || sign === "-" ? undefined : bothCases(sign);
    } else if (sign === "[") inClass = true;
    else if (sign === "(?i:") {
      ignoring.push(true);
      made = "(?:";
    } else if (sign === "(?i)" && i === 0) {
      ignoring[0] = true;
      made = "";
    } else if (sign.startsWith("(")) {
      if (!GROUPS.has(sign)) made = undefined;
      ignoring.push(folds);
    } else if (sign === ")") ignoring.pop();
    else if (sign in OUTSIDE) made = OUTSIDE[sign];
    else if (folds && /\p{L}/u.test(sign)) {
      const both = bothCases(sign);
      made = both === undefined || both === sign ? both : `[${both}]`;
    }
    if (made === undefined) return undefined;
    out.push(made);
  }
  try {
    return new RegExp(out.join(""), "gu");
  } catch {
    return undefined;
  }
};

/** A text as it stands. */
const literalPattern = (text: string): RegExp =>
  new RegExp(text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"), "gu");

/** `{ Regex: … }` or `{ String: … }`. */
export const patternIn = (given: unknown): RegExp | undefined => {
  const { Regex: regex, String: text } = (given ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof regex === "string") return patternOf(regex);
  return typeof text === "string" ? literalPattern(text) : undefined;
};
