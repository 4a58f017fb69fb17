// Every code, key, constructor and sum type has a page.
import { expect, test } from "vitest";
import { explain, topics } from "./index.ts";
import { keyTables } from "./tables.ts";
import { catalogue } from "../semantics/catalogue.ts";
import { features } from "../features/index.ts";
import { ownWords } from "../features/own-words.ts";
import { explainRelation, pairOf } from "../relation-page.ts";
import { parse } from "../syntax/parse.ts";
import { vocabulary } from "../words.ts";
import { languagePages } from "./language.ts";
import { baseVocabulary } from "../semantics/vocabulary/index.ts";

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
const text = (topic: string): string => {
  const found = explain(topic, baseVocabulary, catalogue);
  return found.found ? found.text : "";
};
test("declarations come first, and have the keys of their bodies", () => {
  for (const kind of ["model", "block", "recipe", "let", "import"])
    expect(text(kind)).toContain(`# ${kind}, a declaration`);
  const whole = explain("model", vocabulary, catalogue);
  expect(whole.found && whole.text).toMatch(/^model has 2 meanings:\n\n- model, a declaration\n/);
  expect(text("model")).toContain("| `hidden_size` |");
  expect(text("block")).toContain("| `attention` |");
  expect(text("recipe")).toContain("| `optimizer` |");
});
test("codes need neither prefix nor case, names neither quotes nor arguments", () => {
  expect(text("4008")).toBe(text("SPC4008"));
  expect(text("`rope(theta: 500_000)`")).toBe(text("rope"));
  expect(text("optimizer.momentum")).toContain("momentum, in sgd(…)");
});
test("a name with several meanings lists them; the same text is shown once", () => {
  expect(text("norm")).toMatch(
    /^norm has \d+ meanings:\n\n- norm, in blocks: specc explain blocks.norm\n/,
  );
  expect(text("norm").match(/^# /gm)).toHaveLength(1);
  expect(text("blocks.norm")).toMatch(/^# norm, in blocks\n/);
  expect(text("head_dim")).toMatch(/^# head_dim, in mha\(…\), gqa\(…\), mqa\(…\)\n/);
});
test("a method is found by its name", () => {
  const { constructors } = baseVocabulary;
  const methods = [
    {
      name: "gating",
      paper: { title: "Gates", arxiv: "0000.00000" },
      words: constructors.slice(0, 1),
    },
  ];
  const found = explain("gating", baseVocabulary, catalogue, methods);
  expect(found.found && found.text).toContain("Gates, arXiv 0000.00000.");
});
test.each([
  ["chain of experts", "coe"],
  ["Chain-of-Experts", "coe"],
  ["gradient-preserving activation scaling", "gpas"],
  ["The Curse of Depth", "lns"],
  ["curse of depth", "lns"],
  ["palm", "parallel"],
  ["2506.22049", "gpas"],
  ["arXiv:2506.18945v2", "coe"],
  ["layernorm scaling", "lns"],
  ["pre-ln", "pre"],
  ["d_model", "hidden_size"],
  ["Mix LN", "mix-ln"],
  ["rigl", "sparsity"],
])("%s leads to %s", (topic, name) => {
  const methods = features.map((f) => ({ ...f, words: ownWords(f) }));
  const found = explain(topic, vocabulary, catalogue, methods);
  expect(found.found && found.text).toMatch(
    new RegExp(`^${topic}: see ${name}\\.\\n\\n(# ${name},|${name} has )`),
  );
});
test.each(["the", "chain", "going", "0000.00000", "???"])("%s is no paper's name", (topic) => {
  const methods = features.map((f) => ({ ...f, words: ownWords(f) }));
  expect(explain(topic, vocabulary, catalogue, methods).found).toBe(false);
});
test("pairs are known by their papers' names, and told how they are written", () => {
  const pair = explainRelation("gpas with chain-of-experts");
  expect(pair?.found && pair.text).toMatch(/^# gpas with coe\n/);
  for (const topic of ["gpas coe", "gpas and coe", "gpas, coe", "gpas + coe"])
    expect(pairOf(topic)).toBe("gpas with coe");
  expect(pairOf("gpas, nothing")).toBeUndefined();
});
test("the examples of the language's words can be read", () => {
  for (const { page } of languagePages)
    for (const [, code] of page(baseVocabulary)
      .lines.join("\n")
      .matchAll(/```arch\n([\s\S]*?)\n```/g)) {
      const whole = /^(model|recipe|block|let|import|export|spec)\b/.test(code ?? "");
      const file = whole ? code : `model M {\n${code ?? ""}\n}`;
      expect(parse({ id: 0, path: "x.arch", text: file ?? "" }).diagnostics).toEqual([]);
    }
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
