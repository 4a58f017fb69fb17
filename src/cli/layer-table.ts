// The layers of a model as rows of a table: shapes, parameters and FLOPs, neighbours of alike sizes as one, and beside them what
// these do differently.
import { branchOf } from "../bundle/branches.ts";
import { countText, densityText, grouped } from "../bundle/numbers.ts";
import { blocksText, layerForms } from "../compiler/emit/layer-forms.ts";
import type { Count, Layer, Summary } from "../compiler/emit/summary.ts";
import type { ModelSpec } from "../compiler/semantics/spec.ts";

/** Whatever is computed once for all (rotary tables) is counted where it is first needed, so FLOPs do not tell layers apart. */
const told = ({ parameters, unmasked, tensors, parts }: Layer, name: string): string =>
  JSON.stringify([
    name,
    parameters,
    unmasked,
    tensors.map((t) => t.shape),
    parts.map((part) => [part.name, part.parameters, part.unmasked]),
  ]);
const alike = (a: Layer, b: Layer): boolean =>
  /(^|\.)blocks\.\d+$/.test(a.name) &&
  told(a, a.name.replace(/\d+$/, "")) === told(b, b.name.replace(/\d+$/, ""));

/** Neighbouring branches ("heads.1") of the same layers: the first is told, the others are counted. */
const alikeBranches = (layers: readonly Layer[]): readonly (readonly string[])[] => {
  const branches = [...new Set(layers.map((layer) => branchOf(layer.name)))].filter(Boolean);
  const inside = (branch: string): string =>
    layers
      .filter((layer) => branchOf(layer.name) === branch)
      .map((layer) => told(layer, layer.name.slice(branch.length)))
      .join();
  const runs: string[][] = [];
  for (const branch of branches) {
    const run = runs.at(-1);
    if (run !== undefined && inside(run[0]!) === inside(branch)) run.push(branch);
    else runs.push([branch]);
  }
  return runs;
};

const shapesOf = (layer: Layer, part?: string): string =>
  layer.tensors
    .filter((t) => part === undefined || t.name.slice(layer.name.length + 1).startsWith(`${part}.`))
    .map((t) => {
      const own = t.name
        .slice(layer.name.length + 1 + (part === undefined ? 0 : part.length + 1))
        .replace(/\.weight$/, "");
      return `${own === "weight" || own === "" ? "" : `${own} `}${t.shape.length === 0 ? "scalar" : t.shape.join("×")}`;
    })
    .join(", ");

export const isMasked = ({ parameters, unmasked }: Count): boolean => unmasked < parameters;
/** Beside a number of parameters, where masks have a say. */
const densityCell = (summary: Summary, count: Count | undefined): readonly string[] => {
  if (!isMasked(summary)) return [];
  return [count === undefined || count.parameters === 0 ? "" : densityText(count.density)];
};

/** "heads[1 .. 3]  as heads.0, each:  18,458" */
const othersRow = (run: readonly string[], summary: Summary): readonly string[] => {
  const branch = summary.branches.find(({ name }) => name === run[1]);
  const [, word = "", from = ""] = /^(\w+)\.(\d+)$/.exec(run[1]!) ?? [];
  const count = run.length - 1;
  return [
    count === 1 ? run[1]! : `${word}[${from} .. ${Number(from) + count}]`,
    `as ${run[0]!}${count === 1 ? "" : ", each:"}`,
    grouped(branch?.parameters ?? 0),
    ...densityCell(summary, branch),
  ];
};

export const layerRows = (summary: Summary): readonly (readonly string[])[] => {
  const rows: string[][] = [
    [
      "layer",
      "tensors [out, in]",
      "parameters",
      ...(isMasked(summary) ? ["density"] : []),
      summary.item === "token" ? "FLOPs/token" : "FLOPs/image",
    ],
  ];
  const runs = alikeBranches(summary.layers);
  const others = new Set(runs.flatMap((run) => run.slice(1)));
  const layers = summary.layers.filter((layer) => !others.has(branchOf(layer.name)));
  for (let i = 0; i < layers.length;) {
    const begin = layers[i]!;
    let end = i + 1;
    while (end < layers.length && alike(begin, layers[end]!)) end++;
    const layer = layers[end - 1]!;
    const times = end - i;
    const [, before = "", first = ""] = /^(.*?)(\d+)$/.exec(begin.name) ?? [];
    rows.push([
      times === 1 ? layer.name : `${before.slice(0, -1)}[${first} .. ${Number(first) + times}]`,
      layer.parts.length > 0
        ? times === 1
          ? ""
          : `${times} of alike sizes, each:`
        : shapesOf(layer),
      grouped(layer.parameters),
      ...densityCell(summary, layer),
      countText(layer.flops),
    ]);
    for (const part of layer.parts)
      if (part.parameters > 0 || part.name !== "residual")
        rows.push([
          `  ${part.name}`,
          shapesOf(layer, part.name),
          part.parameters === 0 ? "" : grouped(part.parameters),
          ...densityCell(summary, part),
          countText(part.flops),
        ]);
    i = end;
    const branch = branchOf(layer.name);
    const run = runs.find(([first]) => first === branch) ?? [];
    if (run.length > 1 && !layers.slice(end).some((later) => branchOf(later.name) === branch))
      rows.push([...othersRow(run, summary), ""]);
  }
  return rows;
};

/** "attention  gqa, heads 4 · kv 2 · window 64  blocks 0–4, 6–10", of what is not alike in all layers of a decoder. */
export const formRows = (model: ModelSpec): readonly (readonly string[])[] => {
  const forms = model.kind === "decoder" ? layerForms(model.blocks) : [];
  return forms.map(({ key, text, blocks }, i) => [
    forms[i - 1]?.key === key ? "" : key,
    text,
    blocksText(blocks),
  ]);
};
