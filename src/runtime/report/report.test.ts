// The report stands alone, escapes what it shows, and its axes have round numbers.
import { expect, test } from "vitest";
import { toyManifest } from "../toy.test.helper.ts";
import { familyFigures } from "./depth-figures.ts";
import { lineChart } from "./chart.ts";
import { breaksOf, familiesOf, placesOf } from "./families.ts";
import { figureHtml, LETTER } from "./figure.ts";
import { heatMap } from "./heat-map.ts";
import { renderReport } from "./report.ts";
import { niceScale, rangeOf } from "./scale.ts";

test("scales", () => {
  expect(rangeOf(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 300_007))).toEqual([
    0, 300_006,
  ]);
  expect(niceScale(0.13, 5.6, 6).ticks).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(niceScale(2.31, 2.48, 4).ticks).toEqual([2.3, 2.35, 2.4, 2.45, 2.5]);
  for (const high of [3, 3 + 1e-15]) expect(niceScale(3, high, 4).ticks.length).toBeGreaterThan(2);
});

test("metrics are drawn by what they tell, lists by their largest number", () => {
  const history = [1, 2].map((step) => ({
    step,
    "train/loss": 5 / step,
    "train/learning_rate": 1e-3,
    "train/grad_norm": 1,
    "metrics/blocks.0.ffn.entropy": 2,
    "metrics/blocks.1.ffn.entropy": 1.5,
    "metrics/blocks.0.ffn.load": [0.1, 0.3, 0.2 * step],
  }));
  const html = renderReport({
    manifest: toyManifest(), engine: "toy", seed: 1, sample: undefined, source: undefined,
    result: { status: "finished", step: 2, totalSteps: 2, seed: 1, loss: 3, evaluation: undefined, checkpoint: undefined, history, seconds: 1 },
  }); // prettier-ignore
  const titles = [...html.matchAll(/<figcaption><b>([^<]+)/g)].map(([, title]) => title);
  expect(titles.filter((title) => /Entropy|Load/.test(title ?? ""))).toEqual([
    "Entropy",
    "Entropy over depth",
    "Entropy over depth and training",
    "Load",
    "Load of each expert, at the end",
  ]);
  // of three experts with 0.1, 0.3 and 0.4: the last is half as much again as the mean
  expect(html).toContain("blocks.0.ffn at step 2: 1.5");
  expect(html).toContain("blocks.0.ffn, expert 2: 40.00%");
  expect(html).not.toMatch(/NaN|undefined|Infinity/);
});

test("over depth the trunk and each head is a line of its own", () => {
  const places = [
    "blocks.0",
    "blocks.1",
    "heads.0.blocks.2",
    "heads.0.blocks.3",
    "heads.1.blocks.2",
  ];
  const [row] = [{ step: 1, ...Object.fromEntries(places.map((p, i) => [`probes/norm/${p}`, i])) }];
  const [family] = familiesOf([row]);
  const [, course] = familyFigures(family!);
  expect(course!.title).toBe("Norm over depth");
  const lines = [...course!.drawing.matchAll(/<polyline[^>]* points="([^"]+)"/g)];
  expect(lines.map(([, points]) => points!.split(" ").length)).toEqual([2, 2, 1]);
  expect(breaksOf(places)).toEqual([2, 4]);
  expect(breaksOf(["embedding", "blocks.0", "blocks.1"])).toEqual([]);
});

test("parameters that masks leave are told beside all", () => {
  const manifest = toyManifest();
  const [weight] = manifest.state;
  const mask = { ...weight!, name: `${weight!.name}/mask`, kind: "mask", dtype: "bool", init: { kind: "bernoulli", density: 0.25 } } as const; // prettier-ignore
  const render = (state: typeof manifest.state): string =>
    renderReport({
      manifest: { ...manifest, state }, engine: "toy", seed: 1, sample: undefined, source: undefined,
      result: { status: "finished", step: 2, totalSteps: 2, seed: 1, loss: 3, evaluation: undefined, checkpoint: undefined, history: [], seconds: 1 },
    }); // prettier-ignore
  expect(render(manifest.state)).toContain("<dt>Parameters</dt><dd>256</dd>");
  expect(render([...manifest.state, mask])).toContain(
    "<dt>Parameters kept</dt><dd>64 <small>of 256</small></dd>",
  );
});

test("one file, with everything in it", () => {
  const history = Array.from({ length: 2000 }, (_, i) => ({
    step: i + 1,
    "train/loss": 5 - i / 1000,
    "train/learning_rate": 1e-3,
    "train/grad_norm": i === 7 ? null : 1,
    "eval/loss": 4,
  }));
  const html = renderReport({
    manifest: toyManifest(), engine: "toy", seed: 1, sample: "t<script>alert(1)</script>", source: 'model A { x = "<b>" }',
    result: { status: "finished", step: 2000, totalSteps: 2000, seed: 1, loss: 3, evaluation: undefined, checkpoint: undefined, history, seconds: 75 },
  }); // prettier-ignore
  expect(html).not.toMatch(/<script|https?:|<link|<img/);
  expect(html).toContain("&lt;script&gt;");
  expect(html).toContain("x = &quot;&lt;b&gt;&quot;");
  expect(html).toContain("1 min 15 s");
  expect(html).not.toMatch(/NaN|undefined|Infinity/);
  expect(html.length).toBeLessThan(250_000);
});

test("no two charts have one title; a part of what is held out is told as one", () => {
  const history = [1, 2].map((step) => ({
    step,
    "train/loss": 5 / step,
    "train/grad_norm": 1,
    "probes/gradient_norm/blocks.0": 2,
    "probes/gradient_norm/blocks.1": step,
    "eval/loss": 4,
    "eval/bits_per_byte": 3,
  }));
  const evaluation = {
    ...({
      kind: "text",
      loss: 4,
      perplexity: 54.6,
      bitsPerByte: 3,
      tokens: 512,
      bytes: 512,
    } as const),
    ...{ samples: 64, heldOut: 1034, measures: {} },
  };
  const html = renderReport({
    manifest: toyManifest(), engine: "toy", seed: 1, sample: undefined, source: undefined,
    result: { status: "finished", step: 2, totalSteps: 2, seed: 1, loss: 3, evaluation, checkpoint: undefined, history, seconds: 1 },
  }); // prettier-ignore
  const titles = [...html.matchAll(/<figcaption><b>([^<]+)/g)].map(([, title]) => title);
  expect(titles).toContain("Global gradient norm");
  expect(titles).toContain("Gradient norm");
  expect(new Set(titles).size).toBe(titles.length);
  expect(html).toContain("<dd>64 <small>of 1,034 sequences held out</small></dd>");
  expect(html).toContain("64 sequences, spread over the 1,034 held out: 512 tokens, 512 bytes");
});

test("maps with one range have one colour for one number, and room for the numbers of their bar", () => {
  const range = [-0.0123, 4] as const;
  const drawn = [0.5, -0.0123].map((other) =>
    heatMap({
      ...{ title: "m", columns: [1, 2], columnName: "step", range },
      rows: [{ name: "blocks.0", values: [2, other] }],
    })!,
  );
  const colours = drawn.map(({ drawing }) => /fill="(#\w+)"><title>[^<]*: 2</.exec(drawing)?.[1]);
  expect(colours[0]).toMatch(/^#/);
  expect(colours[1]).toBe(colours[0]);
  const html = figureHtml(drawn[0]!);
  const [, x, text] = /<text x="([\d.]+)"[^>]*>(-0\.012)<\/text>/.exec(html) ?? [];
  expect(Number(x) + LETTER * (text?.length ?? NaN)).toBeLessThanOrEqual(450);
});

test("names below an axis run neither into each other nor out of the picture", () => {
  for (const length of [4, 16, 40])
    for (const count of [2, 7, 16, 64]) {
      const xNames = Array.from({ length: count }, (_, i) => String(i).padEnd(length, "x"));
      const { drawing } = lineChart({
        ...{ title: "t", xName: "place", xNames },
        series: [{ name: "s", colour: "red", points: xNames.map((_, i) => [i, i]) }],
      })!;
      const found = [...drawing.matchAll(/<text x="([\d.]+)"[^>]* text-anchor="(\w+)">(\d+x+)</g)];
      const spans = found.map(([, x, anchor, text]) => {
        const width = LETTER * text!.length;
        const from = Number(x) - (anchor === "middle" ? width / 2 : anchor === "end" ? width : 0);
        return [from, from + width] as const;
      });
      expect(spans.length).toBeGreaterThan(0);
      spans.forEach(([from, to], i) => {
        expect(from).toBeGreaterThanOrEqual(spans[i - 1]?.[1] ?? -0.1);
        expect(to).toBeLessThanOrEqual(450.1);
      });
    }
});

test("the places of several quantities come in the order of the data", () => {
  const row = Object.fromEntries(
    [
      ...[0, 1].flatMap((i) => [0, 1].map((t) => `metrics/blocks.${i}.ffn.${t}.entropy`)),
      ...["embedding", "blocks.0.gpas.attention", "blocks.0", "blocks.1"].map(
        (p) => `probes/a/${p}`,
      ),
      ...["embedding", "blocks.0", "blocks.1", "final_norm", "head"].map((p) => `probes/b/${p}`),
    ].map((name) => [name, 1]),
  );
  expect(placesOf(familiesOf([{ step: 1, ...row }]))).toEqual([
    "embedding",
    "blocks.0.ffn.0",
    "blocks.0.ffn.1",
    "blocks.0.gpas.attention",
    "blocks.0",
    "blocks.1.ffn.0",
    "blocks.1.ffn.1",
    "blocks.1",
    "final_norm",
    "head",
  ]);
});
