// Relations are what the checker says of a model that has both.
import { describe, expect, it } from "vitest";
import { explainRelation, pairOf } from "./relation-page.ts";
import { exampleOf, relationOf, verdictOf } from "./relations.ts";
import type { Constructor } from "./semantics/schema.ts";
import { vocabulary } from "./words.ts";

const named = (name: string): Constructor => vocabulary.constructors.find((c) => c.name === name)!;
const relation = (a: string, b: string) => relationOf(named(a), named(b));

describe("examples", () => {
  it.each(vocabulary.constructors.map((ctor) => [`${ctor.of}.${ctor.name}`, ctor] as const))(
    "%s checks with the examples of its keys (Key.example)",
    (_name, ctor) => {
      const { text, complaints } = exampleOf(ctor);
      expect(
        complaints.filter((d) => d.severity === "error").map((d) => d.message),
        text,
      ).toEqual([]);
    },
  );
});

describe("relations", () => {
  it("hold both where they have keys of their own", () => {
    expect(relation("adamw", "wsd")).toMatchObject({
      kind: "together",
      text: "optimizer = adamw()\nschedule = wsd()",
      complaints: [],
    });
  });
  it("put one into the other where it belongs", () => {
    expect(relation("rmsnorm", "sandwich").text).toContain("norm = sandwich(norm: rmsnorm())");
    expect(relation("mla", "yarn").text).toContain(
      "position: rope(scaling: yarn(factor: 2, original: 32))",
    );
    expect(relation("alibi", "per_head").text).toContain(
      "attention = mha(heads: 4, position: alibi(), qk_norm: per_head())",
    );
  });
  it("put both into a list, in their order", () => {
    expect(relation("crop", "flip")).toMatchObject({ kind: "together", complaints: [] });
    expect(relation("crop", "flip").text).toContain("augment: [crop(), flip()]");
  });
  it("say what excludes them", () => {
    const refused = relation("gpas", "post");
    expect(verdictOf(refused)).toBe("no");
    expect(refused.complaints.map((d) => d.code)).toEqual(["SPC3101"]);
    expect(refused.unless).toContain("gpas(site: shortcut)");
  });
  it("find settings that do", () => {
    const { settings, complaints } = relation("parallel", "gpas");
    expect(complaints).toEqual([]);
    expect(settings.map((s) => [s.text, s.complaints.map((d) => d.code)])).toEqual([
      ["gpas(share: sublayer)", ["SPC3103"]],
    ]);
  });
  it("keep what is wrong with a setting by itself out of all pairs", () => {
    // whatever else a decoder has, none of its norms is a batch norm
    const alone = relation("split", "gpas");
    expect([verdictOf(alone), alone.settings]).toEqual(["yes", []]);
    expect(verdictOf(relation("split", "wide_basic"))).toBe("yes");
  });
  it("tell layers from models", () => {
    expect(verdictOf(relation("pre", "deepnorm"))).toBe("in turn");
    expect(verdictOf(relation("learned", "rope"))).toBe("no");
    expect(verdictOf(relation("adamw", "sgd"))).toBe("one of them");
  });
});

describe("explain A with B", () => {
  const text = (topic: string): string => {
    const page = explainRelation(topic);
    return page?.found === true ? page.text : "";
  };
  it("is a page of the relation", () => {
    expect(text("gpas with deepnorm")).toMatchSnapshot();
    expect(text("gpas with post")).toMatchSnapshot();
    expect(text("moe with coe")).toContain("layers may have either");
  });
  it("takes methods by the name of their folder", () => {
    expect(text("mix-ln with neurotrails")).toContain("# mix with ensemble");
  });
  it("is known from its two names alone", () => {
    expect(pairOf("peri sandwich")).toBe("peri with sandwich");
    expect(pairOf(" mix-ln  neurotrails ")).toBe("mix-ln with neurotrails");
    for (const topic of ["peri", "peri sandwhich", "peri sandwich pre"])
      expect(pairOf(topic)).toBeUndefined();
  });
  it("corrects names, and is no page of a single word", () => {
    const suggestion = "gpas with deepnorm";
    expect(explainRelation("gpas with deepnrom")).toEqual({ found: false, suggestion });
    const help = ["qqqqq is neither a constructor nor a method"];
    expect(explainRelation("gpas with qqqqq")).toEqual({ found: false, help });
    expect(explainRelation("gpas")).toBeUndefined();
  });
  it("says whose key a key is", () => {
    expect(explainRelation("sinks with alibi")).toEqual({
      found: false,
      help: [
        "sinks is a key of mha, gqa or mqa: specc explain sinks",
        "specc explain mha with alibi tells whether those go together",
      ],
    });
    expect(explainRelation("lm with tied")).toEqual({
      found: false,
      help: ["tied is a key of lm: specc explain tied"],
    });
  });
});
