import { expect, test } from "vitest";
import { showNumber } from "./values.ts";

test.each([
  [3 * 1024 ** 3, "3 GiB"],
  [5e9, "5 GB"],
  [1024 * 1000, "1000 KiB"],
  [1001, "1001 bytes"],
  [1, "1 byte"],
  [0, "0 bytes"],
])("%i bytes are told as a person would write them", (bytes, text) => {
  expect(showNumber(bytes, "byte")).toBe(text);
});
