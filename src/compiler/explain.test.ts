// Every code, key, constructor and sum type has a page.
import { expect, test } from "vitest";
import { explain, keyTables, topics } from "./explain.ts";
import { catalogue } from "./semantics/catalogue.ts";
import { baseVocabulary } from "./semantics/vocabulary/index.ts";

test("each topic is found", () => {
  for (const topic of topics(baseVocabulary, catalogue))
    expect(explain(topic, baseVocabulary, catalogue)).toMatchObject({ found: true });
});
test("pages say what one needs", () => {
  const page = (topic: string): string => {
    const found = explain(topic, baseVocabulary, catalogue);
    return found.found ? found.text : "";
  };
  expect(page("SPC3012")).toMatchSnapshot();
  expect(page("head_dim")).toMatchSnapshot();
  expect(page("swiglu")).toMatchSnapshot();
  expect(page("Optimizer")).toMatchSnapshot();
  expect(page("decay")).toContain("norm, bias, embedding => none");
  expect(page("spc3012")).toBe(page("SPC3012"));
});
test("a near miss is suggested", () => {
  expect(explain("swigul", baseVocabulary, catalogue)).toEqual({
    found: false,
    suggestion: "swiglu",
  });
  expect(explain("qqqqqqqqqqqq", baseVocabulary, catalogue)).toEqual({ found: false });
});
test("the key tables hold every key", () => {
  const tables = keyTables(baseVocabulary);
  for (const keys of Object.values(baseVocabulary.keys))
    for (const key of keys) expect(tables).toContain(`| \`${key.name}\` |`);
});
