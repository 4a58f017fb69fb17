// What is done to a text before it is cut: normalizer of tokenizer.json.
import { partsOf, type Json } from "./file.ts";
import { patternIn } from "./pattern.ts";

type Normalize = (text: string) => string;

/** Undefined: not known here. */
const normalizeBy = (part: Json): Normalize | undefined => {
  const { type } = part;
  switch (type) {
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD":
      return (text) => text.normalize(type);
    case "Lowercase":
      // Each sign by itself: no sigma knows that it ends a word.
      return (text) => [...text].map((sign) => sign.toLowerCase()).join("");
    case "Prepend": {
      const before = part["prepend"];
      return typeof before === "string" ? (text) => (text === "" ? "" : before + text) : undefined;
    }
    case "Replace": {
      const [pattern, content] = [patternIn(part["pattern"]), part["content"]];
      return pattern && typeof content === "string"
        ? (text) => text.replace(pattern, () => content)
        : undefined;
    }
    case "Strip": {
      const ends = [
        ...(part["strip_left"] === false ? [] : ["^\\p{White_Space}+"]),
        ...(part["strip_right"] === false ? [] : ["\\p{White_Space}+$"]),
      ];
      const pattern = new RegExp(ends.join("|") || "(?!)", "gu");
      return (text) => text.replace(pattern, "");
    }
    case "StripAccents":
      return (text) => text.replace(/\p{M}/gu, "");
    default:
      return undefined;
  }
};

/** A text says which part is not known here. */
export const normalizerOf = (json: unknown): Normalize | string => {
  const all: Normalize[] = [];
  for (const part of partsOf(json, "normalizers")) {
    const normalize = normalizeBy(part);
    if (normalize === undefined) return JSON.stringify(part);
    all.push(normalize);
  }
  return (text) => all.reduce((normal, normalize) => normalize(normal), text);
};
