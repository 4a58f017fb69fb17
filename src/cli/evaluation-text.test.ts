import { expect, test } from "vitest";
import { partText } from "./evaluation-text.ts";

test("an evaluation of a part says of how many; one of all says nothing", () => {
  const measured = { loss: 1, heldOut: 1034, measures: {} };
  const text = { kind: "text", perplexity: 2, bitsPerByte: 3, tokens: 8192, bytes: 8192 } as const;
  expect(partText({ ...measured, ...text, samples: 64 })).toBe(", of 64 of 1,034 sequences");
  expect(partText({ ...measured, ...text, samples: 1034 })).toBe("");
  expect(partText({ ...measured, kind: "images", images: 64, samples: 64 })).toBe(
    ", of 64 of 1,034 images",
  );
});
