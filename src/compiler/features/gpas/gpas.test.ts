// GPAS against the authors' operator, and the conformance checks of the paper note (numbers in brackets are its section 10).
import { describe, expect, it } from "vitest";
import { complaints } from "../../../../test/helpers/complaints.ts";
import {
  golden,
  maxAbs,
  maxDifference,
  readGolden,
  shiftLabels,
  stateFrom,
} from "../../../../test/parity/golden.ts";
import {
  gpasSizes,
  gpasVariant,
  llamaSpec,
  passOf,
  type Choices,
} from "../../../../test/parity/models.ts";
import { createBuilder } from "../../ir/builder.ts";
import { evaluate } from "../../ir/evaluate.ts";
import { unnamed } from "../../ir/shape.ts";
import { differentiate } from "../../passes/differentiate.ts";
import { openCheckpoint } from "../../../../test/parity/checkpoints.ts";
import { gpasCheckpoints } from "./huggingface.ts";
import { gateActivations } from "./gate.ts";
import { scale } from "./index.ts";

const silu = (a: number): number => a / (1 + Math.exp(-a));
const siluSlope = (a: number): number => {
  const s = 1 / (1 + Math.exp(-a));
  return s * (1 + a * (1 - s));
};
const gates = [0.7, -0.45, 0.85, 0.3];
const pre = readGolden("gpas/pre/golden.safetensors");
const weights = readGolden("gpas/weights.safetensors");
const ids = golden(pre, "input_ids");
const targets = shiftLabels(golden(pre, "labels"));

/** The golden weights in a model of these choices, with `gate(name, block)` in its gates. */
const runModel = (choices: Choices, gate: (name: string, block: number) => number = () => 0) => {
  const { parameters, run } = passOf(llamaSpec(gpasSizes, choices), 2, 12);
  const state = stateFrom(parameters, weights, (p) =>
    Float64Array.of(gate(p.name, Number(p.name.split(".")[1]))),
  );
  for (const p of parameters)
    if (p.name.includes(".gpas."))
      state[p.name] = Float64Array.of(gate(p.name, Number(p.name.split(".")[1])));
  const found = run({ ids: ids.data, targets, state });
  const get = (name: string): Float64Array => {
    const value = found[name];
    if (value === undefined) throw new Error(`no output ${name}`);
    return value;
  };
  return { parameters, get };
};
const fixed = (_name: string, block: number): number => gates[block] ?? 0;

describe("the operator", () => {
  const tensors = readGolden("gpas/operator/golden.safetensors");
  const [h, dy] = [golden(tensors, "h"), golden(tensors, "dy")];
  const shape = h.shape.map(unnamed);
  const operate = (activation: string, gate: number, stopGradient = true) => {
    const b = createBuilder();
    const [x, up] = [
      b.emit("state", [], { name: "h", shape }),
      b.emit("state", [], { name: "dy", shape }),
    ];
    const a = b.emit("state", [], { name: "gate", shape: [] });
    const y = scale(b, x, gateActivations[activation]!.graph(b, a), stopGradient);
    const loss = b.emit("reduceSum", [b.emit("mul", [y, up], {})], {
      axes: [0, 1, 2],
      keepDims: false,
    });
    const [dh, da] = differentiate(b, loss, [x, a]);
    const outputs = [
      { name: "y", node: y },
      { name: "dh", node: dh! },
      { name: "da", node: da! },
    ];
    const graph = { name: "operator", inputs: [], outputs, updates: [] };
    const found = evaluate(graph, {
      inputs: {},
      state: { h: h.data, dy: dy.data, gate: [gate] },
    }).outputs;
    return { y: found["y"]!.data, dh: found["dh"]!.data, da: found["da"]!.data[0]! };
  };
  const products = h.data.map((x, i) => x * dy.data[i]!);
  const total = products.reduce((sum, x) => sum + x, 0);
  const size = products.reduce((sum, x) => sum + Math.abs(x), 0);

  const cases = Object.keys(tensors).flatMap((key) => {
    const match = /^y\.(\w+)\.(.*)$/.exec(key);
    return match === null ? [] : [{ activation: match[1]!, gate: match[2]! }];
  });
  it("has 36 golden cases", () => {
    expect(cases).toHaveLength(36);
  });
  it.each(cases)("equals the authors' for $activation at $gate [2, 3]", ({ activation, gate }) => {
    const { y, dh, da } = operate(activation, Number(gate));
    expect(maxDifference(y, golden(tensors, `y.${activation}.${gate}`).data)).toBeLessThan(2e-6);
    expect(dh).toEqual(dy.data);
    const wanted = golden(tensors, `gate_grad.${activation}.${gate}`).data[0]!;
    expect(Math.abs(da - wanted)).toBeLessThan(1e-6 * size);
  });

  it("gives the gate -f'(a) times the sum of h and its gradient [3]", () => {
    for (const a of [0, 0.7, -1])
      expect(operate("silu", a).da).toBeCloseTo(-siluSlope(a) * total, 10);
    expect(operate("silu", 0).da).toBeCloseTo(-0.5 * total, 10);
  });
  it.each(Object.entries(gateActivations))(
    "removes f(a), and learns by the slope of f: %s",
    (activation, { of: f }) => {
      for (const a of [-1.3, 0.4, 2]) {
        const { y, da } = operate(activation, a);
        expect(
          maxDifference(
            y,
            h.data.map((x) => (1 - f(a)) * x),
          ),
        ).toBeLessThan(1e-14);
        const slope = (f(a + 1e-6) - f(a - 1e-6)) / 2e-6;
        expect(Math.abs(da + slope * total)).toBeLessThan(1e-8 * size);
      }
    },
  );
  it("without the stop keeps the value and scales the gradient [4]", () => {
    const [held, open] = [operate("silu", 0.7), operate("silu", 0.7, false)];
    expect(open.y).toEqual(held.y);
    expect(
      maxDifference(
        open.dh,
        dy.data.map((x) => (1 - silu(0.7)) * x),
      ),
    ).toBeLessThan(1e-14);
  });
  it("scales by |1 - f(a)| [5]", () => {
    const norm = (x: Float64Array): number => Math.sqrt(x.reduce((sum, v) => sum + v * v, 0));
    const ratio = (a: number): number => norm(operate("silu", a).y) / norm(h.data);
    expect(ratio(0.7)).toBeCloseTo(0.532268, 5);
    expect(ratio(-1)).toBeCloseTo(1.268941, 5);
    expect(ratio(1.2785)).toBeLessThan(1e-4);
  });
});

describe("in a model", () => {
  const base = runModel({});
  const shared = runModel({ scaling: gpasVariant() }, fixed);
  const split = runModel({ scaling: gpasVariant({ share: "sublayer" }) }, fixed);

  it("changes nothing at gate 0, bit for bit [1]", () => {
    const neutral = runModel({ scaling: gpasVariant() });
    expect(neutral.get("logits")).toEqual(base.get("logits"));
    expect(neutral.get("loss")).toEqual(base.get("loss"));
    for (const p of base.parameters)
      expect(neutral.get(`grad.${p.name}`), p.name).toEqual(base.get(`grad.${p.name}`));
  });
  it("adds one scalar a block, or two, and nothing else [6]", () => {
    const names = base.parameters.map((p) => p.name);
    const added = (model: typeof base) => model.parameters.filter((p) => !names.includes(p.name));
    expect(added(shared).map((p) => p.name)).toEqual(
      [0, 1, 2, 3].map((i) => `blocks.${i}.gpas.gate`),
    );
    expect(added(shared).map((p) => p.diskName)).toEqual(
      [0, 1, 2, 3].map((i) => `model.layers.${i}.gpas_block.gate`),
    );
    expect(added(split)).toHaveLength(8);
    expect([...added(shared), ...added(split)].every((p) => p.shape.length === 0)).toBe(true);
    expect(shared.parameters).toHaveLength(base.parameters.length + 4);
  });
  it("sums the gradients of both sites in a shared gate [3]", () => {
    expect(maxDifference(split.get("logits"), shared.get("logits"))).toBe(0);
    for (const i of [0, 1, 2, 3]) {
      const [one, other] = ["attention", "ffn"].map(
        (s) => split.get(`grad.blocks.${i}.gpas.${s}_gate`)[0]!,
      );
      expect(shared.get(`grad.blocks.${i}.gpas.gate`)[0]).toBeCloseTo(one! + other!, 10);
    }
  });
  it("cannot move the logits by the last gate of a model that ends in a norm [7]", () => {
    const last = "blocks.3.gpas.ffn_gate";
    const moved = runModel({ scaling: gpasVariant({ share: "sublayer" }) }, (name, block) =>
      name === last ? 0.1 : fixed(name, block),
    );
    expect(maxDifference(moved.get("logits"), split.get("logits"))).toBeLessThan(1e-4);
    const largest = Math.max(...split.parameters.map((p) => maxAbs(split.get(`grad.${p.name}`))));
    expect(Math.abs(split.get(`grad.${last}`)[0]!)).toBeLessThan(1e-5 * largest);
  });
  it("keeps gradients that the same model without the stop shrinks by the product of 1 - f(a) [13]", () => {
    const open = runModel({ scaling: gpasVariant({ stop_gradient: false }) }, fixed);
    expect(open.get("logits")).toEqual(shared.get("logits"));
    const shrinks = gates.map((a) => 1 - silu(a));
    for (const p of base.parameters) {
      const block = /^blocks\.(\d+)\.(\w+?)(_norm)?\./.exec(p.name);
      const from = block === null ? (p.name === "embedding.weight" ? 0 : 4) : Number(block[1]);
      let product = shrinks.slice(from).reduce((x, y) => x * y * y, 1);
      if (block?.[2] === "ffn") product /= shrinks[from]!; // only the block's second site lies after it
      const [held, scaled] = [shared.get(`grad.${p.name}`), open.get(`grad.${p.name}`)];
      expect(
        maxDifference(
          held.map((x) => x * product),
          scaled,
        ),
        p.name,
      ).toBeLessThan(1e-9 * maxAbs(scaled));
    }
  });
});

describe("parallel sub-layers", () => {
  it("meet in one addition, which is scaled once", () => {
    const first = (gate: number) =>
      runModel({ placement: "parallel", scaling: gpasVariant() }, (_name, block) =>
        block === 0 ? gate : 0,
      ).get("hidden.1");
    const plain = runModel({ placement: "parallel" }).get("hidden.1");
    expect(first(0)).toEqual(plain);
    expect(
      maxDifference(
        first(0.7),
        plain.map((x) => (1 - silu(0.7)) * x),
      ),
    ).toBeLessThan(1e-14);
  });
});

describe("the other sites", () => {
  const at = (site: string, placement: "pre" | "post", gate: number) =>
    runModel({ placement, scaling: gpasVariant({ site }) }, () => gate);
  const sites = ["after_addition", "shortcut", "before_sublayer", "after_norm", "branch"];

  it.each(sites)("%s leaves the model as it is at gate 0, and scales elsewhere", (site) => {
    for (const placement of ["pre", "post"] as const) {
      const plain = runModel({ placement });
      expect(at(site, placement, 0).get("logits")).toEqual(plain.get("logits"));
      const scaled = at(site, placement, 0.5).get("hidden.4");
      const undone = placement === "post" && site === "after_addition"; // the norm after the addition takes it back
      if (undone) expect(maxDifference(scaled, plain.get("hidden.4"))).toBeLessThan(1e-5);
      else expect(maxDifference(scaled, plain.get("hidden.4"))).toBeGreaterThan(1e-3);
    }
  });
});

describe("in the language", () => {
  it("says once, and where, that plain Post-LN has no form", () => {
    expect(
      complaints("model M extends Base { blocks { norm = post(rmsnorm()) scaling = gpas() } }"),
    ).toEqual([
      "SPC3101 error at gpas(): gpas has no form for a model whose norms are all post(...)",
    ]);
  });
  it("takes mixed models, and Post-LN with a site", () => {
    const mixed = "norm = if l <= L / 4 then post(rmsnorm()) else pre(rmsnorm())";
    expect(complaints(`model M extends Base { blocks { ${mixed} scaling = gpas() } }`)).toEqual([]);
    const sited = "norm = post(rmsnorm()) scaling = gpas(site: shortcut)";
    expect(complaints(`model M extends Base { blocks { ${sited} } }`)).toEqual([]);
  });
  it("warns of a start that turns the stream around", () => {
    expect(
      complaints("model M extends Base { blocks { scaling = gpas(gate: tanh, init: 9) } }"),
    ).toEqual([]);
    expect(complaints("model M extends Base { blocks { scaling = gpas(init: 2) } }")).toEqual([
      "SPC3102 warning at 2: gates that start at 2 scale the stream by -0.762",
    ]);
  });
});

describe("checkpoints of the authors", () => {
  it.each([
    ["pre_gpas", "pre pre"],
    ["sandwich", "sandwich sandwich"],
    ["deeppost", "deepnorm deepnorm"],
    ["deeppost_gpas", "deepnorm deepnorm"],
    ["lns_gpas", "lns_init lns_init"],
    ["post_pre_gpas", "post pre"],
  ])("of norm_type %s are %s, there and back", async (type, norms) => {
    const set = { norm_type: type, post_num: 1 };
    const { imported } = await openCheckpoint("gpas/checkpoint-pre_gpas", set);
    const { model } = imported;
    expect(model.blocks.map(({ norm }) => norm.is).join(" ")).toBe(norms);
    expect(model.blocks.every(({ scaling }) => (scaling !== null) === type.endsWith("_gpas"))).toBe(
      true,
    );
    if (type.startsWith("deeppost"))
      expect(model.blocks[0]!.norm["beta"] === null).toBe(type.endsWith("_gpas"));
    expect(gpasCheckpoints.write(model)["norm_type"]).toBe(type);
  });
});
