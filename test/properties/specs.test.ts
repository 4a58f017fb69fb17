// Laws on the specs that come with specc, broken and commented at random: checking never throws and always says why there is no
// Spec; formatting keeps tree and comments wherever a comment stands.
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { analyze } from "../../src/compiler/analyze.ts";
import { parse } from "../../src/compiler/syntax/parse.ts";
import { formatSource } from "../../src/format/format.ts";
import { commentsOf, comparable } from "../helpers/arbitraries-arch.ts";

const folder = new URL("../../specs/", import.meta.url);
const specs: Readonly<Record<string, string>> = Object.fromEntries(
  readdirSync(folder)
    .filter((name) => name.endsWith(".arch"))
    .map((name) => [name, readFileSync(new URL(name, folder), "utf8")] as const),
);
const pieces = /\/\/[^\n]*|[A-Za-z_]\w*|\d[\d_.]*\w*%?|"[^"]*"|=>|[=<>!]=|\.\.|[^\s\w]/g;
const tokensOf = (text: string): readonly RegExpExecArray[] => [...text.matchAll(pieces)];
const words = [...new Set(Object.values(specs).flatMap((text) => text.match(pieces) ?? []))];

/** One token of the text, by any number. */
const at = (text: string, n: number): RegExpExecArray => {
  const all = tokensOf(text);
  return all[n % all.length]!;
};
const edit = fc.tuple(
  fc.nat(),
  fc.constantFrom("drop", "replace", "double", "before"),
  fc.constantFrom(...words, "{", "}", "(", ")", "[", "]", "=", '"', "@", "\n", "1e999", "0", "-1"),
);
const edited = (text: string, [n, how, word]: readonly [number, string, string]): string => {
  const { index, 0: token } = at(text, n);
  const [head, tail] = [text.slice(0, index), text.slice(index + token.length)];
  switch (how) {
    case "drop":
      return head + tail;
    case "replace":
      return head + word + tail;
    case "double":
      return `${head}${token} ${token}${tail}`;
    default:
      return `${head}${word} ${token}${tail}`;
  }
};

test("a broken spec has errors, and nothing is thrown", () => {
  const broken = fc
    .tuple(fc.constantFrom(...Object.keys(specs)), fc.array(edit, { minLength: 1, maxLength: 3 }))
    .map(([name, edits]) => edits.reduce(edited, specs[name]!));
  fc.assert(
    fc.property(broken, (text) => {
      const { spec, diagnostics } = analyze("x.arch", {
        read: (path) => (path === "x.arch" ? text : specs[path]),
        resolveImport: (_from, spec) => ({ path: spec.replace("./", "") }),
      });
      if (spec === undefined) expect(diagnostics.map((d) => d.severity)).toContain("error");
    }),
    { numRuns: 60 },
  );
}, 120_000);

test("comments in any place", async () => {
  const decls = Object.values(specs).flatMap((text) => text.split(/\n(?=\/\/\/|export |model )/));
  const place = fc.tuple(
    fc.nat(),
    fc.boolean(),
    fc.constantFrom(" // a\n", "// b\n\n", "\n\n// c\n", "\n/// d\n"),
  );
  const commented = fc
    .tuple(fc.constantFrom(...decls), fc.array(place, { minLength: 1, maxLength: 3 }))
    .map(([decl, places]) =>
      places.reduce((text, [n, behind, comment]) => {
        const { index, 0: token } = at(text, n);
        const i = behind || token.startsWith("//") ? index + token.length : index;
        return text.slice(0, i) + (token.startsWith("//") ? "\n" : "") + comment + text.slice(i);
      }, `${decl}\n`),
    );
  let sound = 0;
  await fc.assert(
    fc.asyncProperty(commented, async (text) => {
      const { diagnostics } = parse({ id: 0, path: "x.arch", text });
      // A doc comment that documents nothing is warned about; the formatter may put it before something.
      if (diagnostics.length > 0) return;
      sound++;
      const once = await formatSource(text);
      if (!once.ok) throw new Error("it parses, and yet is not formatted");
      expect(commentsOf(once.text)).toEqual(commentsOf(text));
      expect(comparable(once.text)).toEqual(comparable(text));
      expect(await formatSource(once.text)).toEqual(once);
    }),
    { numRuns: 150 },
  );
  expect(sound).toBeGreaterThan(20);
}, 120_000);
