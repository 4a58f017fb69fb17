// What a run that draws tokens is fed with. Numbers of float64 travel in parts, since tensors of it cannot be fed.
import type { Draws } from "../../../bundle/engine.ts";
import type { ProgramEntry } from "../../../bundle/manifest.ts";
import {
  drawInput,
  drawInputs,
  drawSizes,
  inputNode,
  seenWords,
} from "../../../bundle/saved-model.ts";
import type { HostTensor } from "../../../bundle/tensor.ts";
import type { Feeds } from "./graph-session.ts";

/** Three f32 that add up to x: 24 bits of it each. */
const inThree = (x: number): readonly number[] => {
  const high = Math.fround(x);
  const middle = Math.fround(x - high);
  return [high, middle, x - high - middle];
};
/** The first 27 and the next 26 bits of a number in [0, 1). */
const inTwo = (unit: number): readonly number[] => {
  const scaled = unit * 2 ** 27;
  return [Math.floor(scaled), (scaled % 1) * 2 ** 26];
};

/** A bit an id. */
const marked = (seen: Draws["seen"], vocabulary: number): Int32Array<ArrayBuffer> => {
  const width = seenWords(vocabulary);
  const words = new Int32Array(seen.length * width);
  seen.forEach((ids, row) => {
    for (const id of ids) words[row * width + (id >> 5)]! |= 1 << (id & 31);
  });
  return words;
};

export const drawFeeds = (program: ProgramEntry, draws: Draws): Feeds => {
  const { name } = program;
  const sizes = drawSizes(program);
  const { rows, vocabulary } = sizes;
  const { units } = draws;
  const { temperature, topP, repetitionPenalty, topK, known } = draws.rules;
  const values: Readonly<Record<string, HostTensor["data"]>> = {
    seen: marked(draws.seen, vocabulary),
    random:
      temperature === 0
        ? new Int32Array(2 * units.length)
        : Int32Array.from([...units].flatMap(inTwo)),
    rules: Float32Array.from([temperature, topP, repetitionPenalty].flatMap(inThree)),
    limits: Int32Array.of(topK ?? vocabulary, known),
  };
  const row = (data: HostTensor["data"]): HostTensor => ({ dtype: "i32", shape: [rows], data });
  return [
    [inputNode(name, "input_ids"), row(draws.ids)],
    [inputNode(name, "positions"), row(draws.positions)],
    ...drawInputs(sizes).map(
      ({ name: input, dtype, shape }) =>
        [drawInput(name, input), { dtype, shape, data: values[input]! }] as const,
    ),
  ];
};
