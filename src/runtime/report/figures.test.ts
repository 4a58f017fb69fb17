// What is drawn of one training, and of several beside each other.
import { expect, test } from "vitest";
import type { Row } from "../train/metrics.ts";
import { figureHtml, figuresSvg, LETTER } from "./figure.ts";
import { figuresOf, type Course } from "./figures.ts";

const rowsOf = (steps: number, more: (step: number) => Row = () => ({})): readonly Row[] =>
  Array.from({ length: steps }, (_, i) => ({
    ...{ step: i + 1, "train/loss": 2 + 3 * 0.9 ** i, "train/num_input_tokens_seen": 64 * (i + 1) },
    ...{ "perf/step_time_ms": 500, ...more(i + 1) },
  }));
const heads = (step: number): Row => ({
  "eval/loss": 3 / step,
  "eval/accuracy": 0.5,
  ...Object.fromEntries([0, 1].map((i) => [`eval/heads/${i}/loss`, (3 + i) / step])),
});
const named = (name: string, rows: readonly Row[]): Course => ({ name, rows });
const titled = (runs: readonly Course[], title: string) =>
  figuresOf(runs).find((figure) => figure.title === title);

test("of one training, the heads stand beside the model", () => {
  const figure = titled([named("", rowsOf(4, heads))], "Held-out loss")!;
  expect(figure.note).toBe("of the model and of each head");
  expect(figure.legend.map(({ name }) => name)).toEqual(["model", "head 0", "head 1"]);
  expect(new Set(figure.legend.map(({ colour }) => colour)).size).toBe(3);
});

test("of several, whose colour is whose is told also where one run alone has the quantity", () => {
  const runs = [named("a", rowsOf(4)), named("b", rowsOf(4, heads)), named("c", rowsOf(4))];
  for (const title of ["Held-out loss", "Held-out accuracy", "Held-out loss of each head"]) {
    const figure = titled(runs, title)!;
    expect(figure.legend, title).toEqual([{ name: "b", colour: "var(--run1)" }]);
    expect(figureHtml(figure)).toContain(">b</span>");
  }
  expect(titled(runs, "Held-out loss of each head")!.drawing).toContain(
    "b, head 1 at step 2: 2.0000",
  );
  expect(titled(runs, "Training loss")!.legend.map(({ name }) => name)).toEqual(["a", "b", "c"]);
});

test("many runs are named each, on a sheet in lines that fit; depth by its first and last", () => {
  const names = Array.from({ length: 12 }, (_, i) => `a run with a longer name ${i}`);
  const runs = names.map((name) => named(name, rowsOf(4)));
  const figure = titled(runs, "Training loss over time")!;
  expect(new Set(figure.legend.map(({ colour }) => colour)).size).toBe(12);
  for (const name of names) expect(figureHtml(figure)).toContain(`${name}</span>`);
  const sheet = figuresSvg("t", [figure]);
  const texts = [...sheet.matchAll(/<text x="([\d.]+)" y="(\d+)">(a run[^<]+)</g)];
  expect(texts.map(([, , , name]) => name)).toEqual(names);
  for (const [, x, , name] of texts) expect(Number(x) + LETTER * name!.length).toBeLessThan(450);
  const legendEnd = Math.max(...texts.map(([, , y]) => Number(y)));
  expect(Number(/<g transform="translate\(0 (\d+)\)">/.exec(sheet)![1])).toBeGreaterThan(legendEnd);

  const deep = rowsOf(1).map((row) => ({
    ...row,
    ...Object.fromEntries(names.map((_, i) => [`probes/gradient_norm/blocks.${i}`, i])),
  }));
  const curves = figureHtml(titled([named("", deep)], "Gradient norm")!);
  expect(curves).toMatch(/blocks\.0 (<i [^>]*><\/i>){12} blocks\.11<\/span>/);
});

test("a loss over tokens where steps differ in size, over time always", () => {
  const twice = rowsOf(4).map((row) => ({
    ...row,
    "train/num_input_tokens_seen": 128 * Number(row["step"]),
  }));
  const alike = [named("a", rowsOf(4)), named("b", rowsOf(4))];
  const unlike = [named("a", rowsOf(4)), named("b", twice)];
  expect(titled(alike, "Training loss over tokens")).toBeUndefined();
  expect(titled(unlike, "Training loss over tokens")!.drawing).toContain("b at tokens seen 512:");
  // time begins before the first step ends
  expect(titled(alike, "Training loss over time")!.drawing).toMatch(
    /text-anchor="middle">0<\/text>/,
  );
  expect(titled(alike, "Training loss over time")!.drawing).toContain(
    "a at seconds of training steps 1.5:",
  );
});

test("the second half has a scale of its own where the first falls far", () => {
  expect(titled([named("", rowsOf(40))], "Loss, second half")!.drawing).toContain("step 40: 2.0");
  const level = rowsOf(40).map((row) => ({
    ...row,
    "train/loss": 2 + Math.sin(Number(row["step"])),
  }));
  expect(titled([named("", level)], "Loss, second half")).toBeUndefined();
});

test("a wide picture has a narrow one for small screens, without what only a pointer finds", () => {
  const html = figureHtml(titled([named("", rowsOf(4))], "Loss")!);
  const [broad, narrow] = html.split("<svg").slice(1);
  expect(broad).toMatch(/class="broad" viewBox="0 0 920 /);
  expect(narrow).toMatch(/class="narrow" viewBox="0 0 450 /);
  expect([broad, narrow].map((svg) => svg!.includes("<title>"))).toEqual([true, false]);
});

test("a mean lags on no side, and no peak of many points is lost", () => {
  const line = (y: (step: number) => number): string => {
    const rows = rowsOf(5000).map((row) => ({ ...row, "train/loss": y(Number(row["step"])) }));
    return titled([named("", rows)], "Loss")!.drawing;
  };
  const coordinates = (drawing: string) =>
    [...drawing.matchAll(/points="([^"]+)"/g)].map(([, points]) =>
      points!.split(" ").map((pair) => pair.split(",").map(Number) as [number, number]),
    );
  const [each, mean] = coordinates(line((step) => 5000 - step));
  expect(each!.length).toBeLessThanOrEqual(601);
  const at = new Map(each!.map(([x, y]) => [x, y] as const));
  const apart = mean!.flatMap(([x, y]) => (at.has(x) ? [Math.abs(y - at.get(x)!)] : []));
  expect(apart.length).toBeGreaterThan(100);
  expect(Math.max(...apart.slice(0, -20))).toBeLessThan(1);
  expect(Math.max(...apart)).toBeLessThan(5);
  const [peaked] = coordinates(line((step) => (step === 2718 ? 9 : 1)));
  expect(Math.min(...peaked!.map(([, y]) => y))).toBeLessThan(60);
});
