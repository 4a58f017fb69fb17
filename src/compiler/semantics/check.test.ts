// The way from text to Spec: the examples of the language, one idea a test.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkText, shown } from "../../../test/golden/semantics/world.ts";
import type { DecoderSpec, ModelSpec, Spec } from "./spec.ts";

const llama = `spec 1

/// The baseline.
export model Llama(hidden: int = 64, layers: int = 4, heads: int = 8, ffn: int = 172) {
  vocab_size  = 32_000
  hidden_size = hidden
  context     = 1024
  blocks layers {
    norm      = pre(rmsnorm(eps: 1e-6))
    attention = mha(heads: heads, position: rope(theta: 10_000))
    ffn       = swiglu(intermediate: ffn)
  }
}
`;

/** As a file of edition 1. */
const whole = (text: string): string => (text.startsWith("spec") ? text : `spec 1\n${text}`);
const spec = (text: string, ...rest: readonly Parameters<typeof checkText>[1][]): Spec => {
  const result = checkText(whole(text), ...rest);
  expect(shown(result)).toBe("");
  return result.spec!;
};
const decoder = (model: ModelSpec | undefined): DecoderSpec => {
  if (model?.kind === "decoder") return model;
  throw new Error("no decoder");
};
const names = (text: string): readonly string[] =>
  checkText(whole(text)).diagnostics.map((d) => d.name);

describe("models", () => {
  test("defaults are filled and documents kept", () => {
    const model = spec(llama).models["Llama"]!;
    expect(model).toMatchObject({
      doc: "The baseline.",
      hidden_size: 64,
      embedding: { is: "token", init: { is: "normal", std: 0.02 }, padding: null },
      final_norm: { is: "rmsnorm", eps: 1e-6, unit_offset: false },
      head: { is: "lm", tied: false },
    });
    expect(model.blocks).toHaveLength(4);
    expect(model.blocks[3]).toEqual({
      layer: 4,
      norm: { is: "pre", norm: { is: "rmsnorm", eps: 1e-6, unit_offset: false } },
      attention: {
        is: "mha",
        heads: 8,
        head_dim: null,
        position: { is: "rope", theta: 10_000, scaling: null },
        bias: false,
        out_bias: false,
        qk_norm: null,
        window: null,
        scale: null,
        softcap: null,
        sinks: false,
      },
      ffn: { is: "swiglu", intermediate: 172, bias: false },
      residual: { is: "plain" },
      out_init: null,
      scaling: null,
    });
  });

  test("a child lays its blocks over the parent's", () => {
    const { models } = spec(
      `${llama}model Child extends Llama { blocks { scaling = gpas(gate: tanh) } }`,
    );
    expect(models["Child"]!.blocks[0]!.scaling).toEqual({ is: "gpas", gate: "tanh", init: 0 });
    expect(models["Child"]!.blocks[0]!.ffn).toEqual(models["Llama"]!.blocks[0]!.ffn);
  });

  test("blocks with a count replace the inherited ones, later ones are added", () => {
    const { models } = spec(`${llama}
      block One(n: int) { norm = post() attention = mqa(n, position: none) ffn = gelu(8) }
      model Child extends Llama { blocks 1 = One(2) blocks 2 = One(n: 4 * (l - 1)) blocks { ffn = relu2(16) } }`);
    const { blocks } = decoder(models["Child"]);
    expect(blocks.map((b) => b.attention["heads"])).toEqual([2, 4, 8]);
    expect(blocks.map((b) => b.ffn.is)).toEqual(["relu2", "relu2", "relu2"]);
  });

  test("l and L count over the whole model", () => {
    const text = `${llama}model Mix extends Llama {
      blocks { norm = if l <= L / 4 then post(rmsnorm()) else pre(rmsnorm()) }
    }`;
    expect(decoder(spec(text).models["Mix"]).blocks.map((b) => b.norm.is)).toEqual([
      "post",
      "pre",
      "pre",
      "pre",
    ]);
  });

  test("parameters that a child leaves open remain its own", () => {
    const text = `${llama}model A(wide: int = 2) extends Llama(hidden: 64 * wide) { }
      model B extends A(wide: 3, heads: 4) { }`;
    const { models } = spec(text);
    expect(models["B"]!.hidden_size).toBe(192);
    expect(decoder(models["B"]).blocks[0]!.attention["heads"]).toBe(4);
    expect(
      names(`${llama}model A extends Llama(hidden: 64) { } model B extends A(hidden: 128) { }`),
    ).toEqual(["duplicate-argument"]);
  });

  test("a parameter without a default makes a template", () => {
    const text = `${llama}model T(n: int) extends Llama(heads: n) { } model U extends T(4) { }`;
    expect(Object.keys(spec(text).models)).toEqual(["Llama", "U"]);
    const use = `${llama}model T(n: int) extends Llama(heads: n) { } recipe R for T { data = text("a") }`;
    expect(names(use)).toEqual(["missing-argument"]);
  });

  test("default and none", () => {
    const { models } = spec(`${llama}model A extends Llama { final_norm = none }
      model B extends A { final_norm = default }`);
    expect(models["A"]!.final_norm).toBeNull();
    expect(models["B"]!.final_norm).toEqual({ is: "rmsnorm", eps: 1e-6, unit_offset: false });
  });

  test("a key and a parameter may share a name", () => {
    expect(names(`${llama}model A(context: int = 8) extends Llama { context = context }`)).toEqual(
      [],
    );
  });

  test("expressions", () => {
    const value = (text: string): unknown =>
      spec(`${llama}let six = 2 * 3\nmodel A extends Llama { context = ${text} }`).models["A"]!
        .context;
    expect(value("6 * 128 - 8 / 4")).toBe(766);
    expect(value("max(min(7, six), floor(sqrt(17)))")).toBe(6);
    expect(value("if six == 6 and not (six > 7) then 10 else 1 / 0")).toBe(10);
    expect(value("500 steps / 10 steps")).toBe(50);
    expect(value("50% * 128")).toBe(64);
    expect(value("2k")).toBe(2000);
  });
});

describe("recipes", () => {
  const recipe = (body: string): string =>
    `${llama}recipe R for Llama { data = text("a.txt") ${body} }`;

  test("defaults", () => {
    expect(spec(recipe("")).recipes["R"]).toMatchObject({
      data: {
        files: ["a.txt"],
        package: null,
        tokenizer: { is: "bytes" },
        sequence: 256,
        pack: true,
        split: [0.95, 0.05],
      },
      optimizer: { is: "adamw", betas: [0.9, 0.999] },
      batch: { unit: "sequence", value: 32 },
      micro: { unit: "sequence", value: 32 },
      length: { unit: "epoch", value: 1 },
      clip: null,
      seed: 42,
    });
  });
  test("a training may be a part of an epoch, and not none of one", () => {
    const made = spec(recipe("length = 0.5 epochs")).recipes["R"]!;
    expect(made.length).toEqual({ unit: "epoch", value: 0.5 });
    expect(names(recipe("length = 0 epochs"))).toEqual(["out-of-range"]);
  });
  test("micro follows batch, decay follows the optimizer", () => {
    const made = spec(recipe("batch = 8 sequences optimizer = sgd(lr: 0.1)")).recipes["R"]!;
    expect(made.micro.value).toBe(8);
    expect(made.decay.map((rule) => [rule.text, rule.value.is])).toEqual([["*", "none"]]);
  });
  test("the recipe is tied to the adjusted model", () => {
    const made = spec(`${llama}recipe R for Llama(hidden: 128) { data = text("a.txt") }`);
    expect(made.recipeFor).toEqual({ R: "Llama(hidden: 128)" });
    expect(made.models["Llama(hidden: 128)"]!.hidden_size).toBe(128);
  });
  test("a rule list replaces the inherited one", () => {
    const made = spec(
      `${recipe("decay { * => none }")} recipe S extends R for Llama { decay { * => constant(0.3) } }`,
    );
    expect(made.recipes["S"]!.decay).toHaveLength(1);
    expect(made.recipes["S"]!.decay[0]!.value).toEqual({ is: "constant", rate: 0.3 });
  });
});

describe("files", () => {
  const base = {
    "llama.arch": llama,
    "pass.arch": 'spec 1\nexport import { Llama as L2 } from "./llama.arch"',
  };
  test("names pass through files", () => {
    const text =
      'import { L2 } from "./pass.arch"\nmodel A extends L2(hidden: 128) { }\nrecipe R for L2 { data = text("a") }';
    const made = spec(text, base);
    expect(Object.keys(made.models)).toEqual(["A", "L2"]);
    expect(made.recipeFor).toEqual({ R: "L2" });
  });
  test("a cycle is printed", () => {
    const files = {
      "a.arch": 'import { B } from "./b.arch"',
      "b.arch": 'import { A } from "./a.arch"',
    };
    const { diagnostics } = checkText('import { A } from "./a.arch"', files);
    expect(diagnostics.map((d) => d.message).join("\n")).toContain("a.arch → b.arch → a.arch");
  });
  test("what a failed import breaks says nothing more", () => {
    expect(names('import { X } from "./no.arch"\nmodel M extends X { context = X }')).toEqual([
      "import-missing-file",
    ]);
  });
});

describe("--set", () => {
  const set = (...pairs: readonly (readonly [string, string])[]): ReturnType<typeof checkText> =>
    checkText(
      `${llama}recipe R for Llama { data = text("a.txt") }`,
      {},
      pairs.map(([key, value]) => ({ key, value })),
    );
  test("parameters, keys and paths", () => {
    const result = set(
      ["hidden", "128"],
      ["optimizer.lr", "1e-4"],
      ["blocks.norm", "post()"],
      ["R.length", "5 steps"],
    );
    expect(shown(result)).toBe("");
    const { models, recipes } = result.spec!;
    expect(models["Llama"]).toMatchObject({
      hidden_size: 128,
      blocks: [{ norm: { is: "post" } }, {}, {}, {}],
    });
    expect(recipes["R"]).toMatchObject({
      optimizer: { lr: 1e-4 },
      length: { unit: "step", value: 5 },
    });
    expect(result.origins.get("models.Llama.hidden_size")?.from?.file).not.toBe(0);
    expect(result.origins.get("recipes.R.optimizer.lr")?.how).toBe("set");
  });
  test("is typed and checked", () => {
    expect(set(["hidden", '"wide"']).diagnostics.map((d) => d.name)).toEqual(["wrong-type"]);
    expect(set(["hidden", "65"]).diagnostics.map((d) => d.name)).toEqual(["head-dim-mismatch"]);
  });
  test("is shown as it was given, with the place of the value", () => {
    for (const [key, value, at] of [
      ["hidden", '"wide"', '"wide"'],
      ["optimizer.lr", '"small"', '"small"'],
      ["k", "1", "--set k = 1"],
    ] as const) {
      const { diagnostics, sources } = set([key, value]);
      const { file, start, end } = diagnostics[0]!.at;
      expect(sources[file]!.text).toBe(`--set ${key} = ${value}`);
      expect(sources[file]!.text.slice(start, end)).toBe(at);
    }
  });
  test.each([
    ["lr", "did you mean `optimizer.lr`?"],
    ["optimizer.learning_rate", "did you mean `optimizer.lr`?"],
    ["R.warmup", "did you mean `R.schedule.warmup`?"],
    ["blocks.heads", "did you mean `blocks.attention.heads`?"],
    ["blocks.attention.heds", "did you mean `blocks.attention.heads`?"],
    ["lama.context", "did you mean `context`?"],
    ["optimizer.momentum", "momentum is an argument of sgd, which the file does not use there"],
    ["n_layer", "the number of blocks is set by a parameter"],
    ["input.height", "height is an argument of image, which the file does not use there"],
    ["nothing", "name a parameter, a key, or a path such as optimizer.lr"],
  ])("%s leads to what can be set", (key, help) => {
    expect(set([key, "1"]).diagnostics).toMatchObject([
      { name: "unknown-set", help: [expect.stringContaining(help)] },
    ]);
  });
  test("rules are not for it, and that is said", () => {
    expect(set(["decay", "constant(0.1)"]).diagnostics).toMatchObject([
      {
        name: "unknown-set",
        help: ["the rules of decay cannot be set from outside: write them in the recipe"],
      },
    ]);
  });
});

test("origins know how a value got there", () => {
  const { origins, sources } = checkText(`${llama}model A extends Llama { context = 8 }`);
  const at = (path: string): string | undefined => {
    const found = origins.get(path);
    return found && `${found.how} ${sources[0]!.text.slice(found.span.start, found.span.end)}`;
  };
  expect(at("models.A.context")).toBe("written 8");
  expect(at("models.A.hidden_size")).toBe("inherited hidden");
  expect(at("models.A.final_norm")).toBe("default A");
  expect(at("models.Llama.blocks.0.attention.heads")).toBe("written heads");
});

test("mistakes do not breed others", () => {
  expect(names(llama.replace("32_000", "undefined_name"))).toEqual(["unknown-name"]);
  expect(names(llama.replace("hidden: int = 64", 'hidden: int = "64"'))).toEqual(["wrong-type"]);
  expect(names(llama.replace("hidden: int = 64", "hidden: nit = 64"))).toEqual(["unknown-type"]);
  expect(names(llama.replace("blocks layers", "blocks nothing"))).toEqual(["unknown-name"]);
  expect(names(llama.replace("vocab_size ", "vocab_sise "))).toEqual(["unknown-key"]);
  expect(names(llama.replace("swiglu", "mla"))).toEqual(["unknown-constructor"]);
});

test("doubling chains of lets stay linear", () => {
  const chain = Array.from({ length: 60 }, (_, i) => `let a${i} = a${i + 1} + a${i + 1}`).join(
    "\n",
  );
  const lists = Array.from({ length: 60 }, (_, i) => `let b${i} = [b${i + 1}, b${i + 1}]`).join(
    "\n",
  );
  expect(names(`${chain}\nlet a60 = 1\n${lists}\nlet b60 = 1`)).toEqual([]);
});

test("long texts do not exhaust the stack", () => {
  const sum = Array.from({ length: 5000 }, () => "1").join(" + ");
  const all = Array.from({ length: 20_000 }, () => "1").join(", ");
  expect(names(`let a = ${sum}\nlet b = max(${all})\nlet c = [${all}]`)).toEqual([]);
});

test("a project of 500 lines is checked in well under a second", () => {
  const many = Array.from(
    { length: 120 },
    (_, i) =>
      `model M${i} extends Llama(hidden: ${64 * (1 + (i % 4))}) {\n  blocks { ffn = gelu(${i + 1}) }\n}\n`,
  );
  const start = performance.now();
  spec(llama + many.join("\n"));
  expect(performance.now() - start).toBeLessThan(2000);
});

describe("on any text, check ends and does not throw", () => {
  const rich = `${llama}
import { X as Y } from "./x.arch"
let w = [1, 2 .. 3, "a", true]
block B(n: int, k: [Ffn] = [gelu(4)]) { norm = pre() attention = gqa(n, kv: 1) ffn = if l < L then gelu(4) else relu2(8) }
model A(p: int) extends Llama(heads: p) { blocks 3 = B(4) blocks { scaling = gpas() } }
recipe R for Llama { data = text("a", split: [90%, 10%]) batch = 8 sequences length = 1.5M tokens
  decay { norm, bias and not (embedding or head) => none blocks[0 .. 2].attention.* => constant(0.1) * => none } }
`;
  const words = rich.split(/(\s+|[^\w\s])/).filter((w) => w !== "");
  test("words shuffled and swapped", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(words.length - 1), fc.constantFrom(...words, "")), {
          maxLength: 8,
        }),
        (edits) => {
          const mutated = [...words];
          for (const [at, word] of edits) mutated[at] = word;
          const result = checkText(mutated.join(""), { "x.arch": "export let X = 1" });
          shown(result);
        },
      ),
      { numRuns: 400 },
    );
  });
  test("text of any kind", () => {
    const word = fc.constantFrom(
      ...words,
      "__proto__",
      "constructor",
      "toString",
      "none",
      "default",
      "1e999",
      "l",
      "L",
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 60 }), (text) => void checkText(text.join(" "))),
      { numRuns: 300 },
    );
  });
});

describe("a wrong number of blocks", () => {
  const text = (count: string): string =>
    llama.replace("blocks layers", `blocks ${count}`).replace("heads: heads", "heads: 5");
  test("hides no mistake inside of them", () => {
    for (const count of ["0", "2000", "nothing", "(layers / 3)", "2 tokens"]) {
      const found = names(text(count));
      expect(found).toHaveLength(2);
      expect(found[1]).toBe("head-dim-mismatch");
    }
  });
  test("says nothing of what depends on the layer", () => {
    const windows = llama
      .replace("blocks layers", "blocks 0")
      .replace("heads: heads", "heads: heads, window: if l < L / 3 then 64 / (L - 1) else none");
    expect(names(windows)).toEqual(["out-of-range"]);
  });
});
test("a block is checked by itself", () => {
  expect(names("block B { ffn = swiglu(intermediate: 0 * 2, bias: l) }")).toEqual(["out-of-range"]);
});
