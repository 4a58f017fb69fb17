// The pure SHA-256 against Node's, at lengths around its block size.
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { canonicalJson } from "../../src/compiler/emit/manifest.ts";
import { sha256 } from "../../src/compiler/emit/sha256.ts";

test("equals node:crypto at every length around a block", () => {
  for (const length of [0, 1, 3, 54, 55, 56, 57, 63, 64, 65, 119, 120, 1000]) {
    const bytes = Uint8Array.from({ length }, (_v, i) => (i * 37 + length) & 255);
    expect(sha256(bytes), `length ${length}`).toBe(
      createHash("sha256").update(bytes).digest("hex"),
    );
  }
});
test("text is hashed as UTF-8", () => {
  expect(sha256("größe ∑ 🦊")).toBe(createHash("sha256").update("größe ∑ 🦊").digest("hex"));
});
test("canonical JSON does not depend on the order of keys and keeps that of lists", () => {
  expect(canonicalJson({ b: [2, 1], a: { d: null, c: undefined } })).toBe(
    '{"a":{"d":null},"b":[2,1]}',
  );
  expect(canonicalJson({ x: 1, y: 2 })).toBe(canonicalJson({ y: 2, x: 1 }));
});
