// Numbers and strings: what their characters stand for.
import type { IToken } from "chevrotain";
import type * as ast from "./ast.ts";
import { nameOf, spanOf, type Lowering } from "./cst.ts";
import { automatic, suggestion } from "../diagnostics/fix.ts";

const scales: Readonly<Record<string, number>> = { k: 1e3, M: 1e6, B: 1e9, T: 1e12 };
const escapes: Readonly<Record<string, string>> = { '"': '"', "\\": "\\", n: "\n", t: "\t" };

export const unitOf = (cx: Lowering, word: IToken | undefined): ast.Name | undefined =>
  word === undefined ? undefined : nameOf(cx, word);

interface Written {
  readonly digits: string;
  /** A scale or a unit, right behind the digits. */
  readonly glued: string;
  readonly scale: number | undefined;
  readonly value: number;
}
const written = (image: string): Written => {
  const match = /^([\d_]*\.?[\d_]*(?:[eE][+-]?\d+)?)(.*)$/s.exec(image);
  const digits = match?.[1] ?? image;
  const glued = match?.[2] ?? "";
  const scale = scales[glued];
  return { digits, glued, scale, value: Number(digits.replaceAll("_", "")) * (scale ?? 1) };
};
export const isTooLarge = ({ image }: IToken): boolean => !Number.isFinite(written(image).value);

/** `after` is the unit written behind the number; a glued `%` before it joins it: `75% parameters`. */
export function numberOf(cx: Lowering, number: IToken, after?: ast.Name): ast.NumberExpr {
  const span = spanOf(cx, number);
  const { digits, glued, scale, value } = written(number.image);
  if (digits.startsWith(".") || digits.endsWith(".")) {
    const better = (digits.startsWith(".") ? `0${digits}` : digits.slice(0, -1)) + glued;
    cx.problems.add("bad-point", span, { better }, automatic(`Write \`${better}\``, span, better));
  }
  const text = scale === undefined ? digits : digits + glued;
  if (!Number.isFinite(value)) cx.problems.add("number-overflow", span, { number: number.image });
  const own =
    scale === undefined && glued !== ""
      ? { text: glued, span: { ...span, start: span.start + digits.length } }
      : undefined;
  const unit =
    own === undefined || after === undefined
      ? (own ?? after)
      : { text: `${own.text} ${after.text}`, span: { ...own.span, end: after.span.end } };
  return {
    kind: "number",
    value: Number.isFinite(value) ? value : 0,
    text,
    ...(unit === undefined ? {} : { unit }),
    span: unit === undefined ? span : { ...span, end: unit.span.end },
  };
}

export function stringOf(cx: Lowering, text: IToken): ast.StringExpr {
  const span = spanOf(cx, text);
  const kind = text.tokenType.name;
  if (kind === "OpenString") {
    const end = { ...span, start: span.end };
    cx.problems.add(
      "unclosed-string",
      { ...span, end: span.start + 1 },
      {},
      suggestion("Close the string", end, '"'),
    );
    return { kind: "string", value: text.image.slice(1).trimEnd(), span };
  }
  if (kind === "SingleQuoted") {
    const inner = text.image.slice(1).replace(/'$/, "");
    const newText = `"${inner.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
    cx.problems.add("single-quotes", span, {}, automatic("Use double quotes", span, newText));
    return { kind: "string", value: inner, span };
  }
  const value = text.image
    .slice(1, -1)
    .replace(
      /\\(u\{([^}]*)\}|[\s\S])/g,
      (all, what: string, code: string | undefined, at: number) => {
        const point =
          code !== undefined && /^[0-9a-fA-F]{1,6}$/.test(code) ? parseInt(code, 16) : NaN;
        if (point <= 0x10ffff) return String.fromCodePoint(point);
        const plain = escapes[what];
        if (plain !== undefined) return plain;
        const start = span.start + 1 + at;
        cx.problems.add("bad-escape", { ...span, start, end: start + all.length }, { escape: all });
        return all;
      },
    );
  return { kind: "string", value, span };
}
