// Text as training examples. Each document is cut once, at a space: its beginning is for training, its end for validation, so
// that both see every period and author and share no sentence. Tokens of all documents, a separator after each, form one row;
// windows of T inputs and the T tokens that follow them cover it without overlap.
import { IGNORED } from "../../bundle/targets.ts";
import type { TextData } from "../../bundle/manifest.ts";
import { FileFault } from "../../bundle/file-fault.ts";
import type { Tokenizer } from "../tokenizers/tokenizer.ts";
import type { Samples } from "./samples.ts";

/** A batch is `input_ids` and `targets`, both [rows, T], the targets shifted by one. */
export interface Windows extends Samples {
  readonly sequence: number;
  /** Tokens that the windows ask for. */
  readonly tokens: number;
}

/** The first place at or after `at` where a word begins; the end when there is none. */
const cutAt = (text: string, at: number): number => {
  const next = text.slice(at).search(/\s/u);
  return next < 0 ? text.length : at + next;
};

/** [training, validation] parts of a document: its first and last fraction. */
export const splitDocument = (
  text: string,
  [train, validation]: TextData["split"],
): readonly [string, string] => {
  const end = train >= 1 ? text.length : cutAt(text, Math.floor(text.length * train));
  const begin =
    train + validation >= 1
      ? end
      : Math.max(end, cutAt(text, Math.floor(text.length * (1 - validation))));
  return [text.slice(0, end), validation > 0 ? text.slice(begin) : ""];
};

const encodeAll = (documents: readonly string[], tokenizer: Tokenizer): readonly Int32Array[] =>
  documents
    .filter((text) => text !== "")
    .map((text) => {
      const ids = tokenizer.encode(text);
      const row = new Int32Array(ids.length + (tokenizer.separator === undefined ? 0 : 1));
      row.set(ids);
      if (tokenizer.separator !== undefined) row[ids.length] = tokenizer.separator;
      return row;
    });

const join = (rows: readonly Int32Array[]): Int32Array => {
  const all = new Int32Array(rows.reduce((sum, row) => sum + row.length, 0));
  let at = 0;
  for (const row of rows) {
    all.set(row, at);
    at += row.length;
  }
  return all;
};

/** Windows over rows of tokens. A window takes T + 1 tokens and the next starts T later; a short one is filled up with ignored targets. */
export const windowsOver = (rows: readonly Int32Array[], sequence: number): Windows => {
  const starts = rows.flatMap((row, r) =>
    Array.from(
      { length: Math.ceil((row.length - 1) / sequence) },
      (_, i) => [r, i * sequence] as const,
    ),
  );
  const fill = (index: number, inputs: Int32Array, targets: Int32Array, at: number): void => {
    const [r, start] = starts[index] ?? [-1, 0];
    const row = rows[r] ?? new Int32Array(0);
    for (let t = 0; t < sequence; t += 1) {
      const next = row[start + t + 1];
      inputs[at * sequence + t] = next === undefined ? 0 : row[start + t]!;
      targets[at * sequence + t] = next ?? IGNORED;
    }
  };
  return {
    sequence,
    count: starts.length,
    tokens: rows.reduce((sum, row) => sum + Math.max(0, row.length - 1), 0),
    batch: (picked, count) => {
      const shape = [count, sequence];
      const inputs = new Int32Array(count * sequence);
      const targets = new Int32Array(count * sequence).fill(IGNORED);
      picked.forEach(({ index }, at) => fill(index, inputs, targets, at));
      return {
        input_ids: { dtype: "i32", shape, data: inputs },
        targets: { dtype: "i32", shape, data: targets },
      };
    },
  };
};

export interface TextParts {
  readonly train: Windows;
  /** Undefined when nothing is held out. */
  readonly validation: Windows | undefined;
}

/** Packed: one row of all documents, its last short window dropped. Otherwise each document is a row of its own. */
export const textData = (
  documents: readonly string[],
  data: TextData,
  tokenizer: Tokenizer,
): TextParts => {
  const parts = documents.map((text) => splitDocument(text, data.split));
  const windows = (texts: readonly string[]): Windows => {
    const rows = encodeAll(texts, tokenizer);
    if (!data.pack) return windowsOver(rows, data.sequence);
    const all = join(rows);
    const whole = Math.floor((all.length - 1) / data.sequence);
    // Less than one window is kept, short: better than nothing for a tiny text.
    return windowsOver(
      [whole > 0 ? all.subarray(0, whole * data.sequence + 1) : all],
      data.sequence,
    );
  };
  const train = windows(parts.map(([begin]) => begin));
  if (train.count === 0)
    throw new FileFault(
      data.files.join(", "),
      "the data holds no text to train on",
      "put some text there, or correct `files` in the recipe's data",
    );
  const validation = windows(parts.map(([, end]) => end));
  return { train, validation: validation.count === 0 ? undefined : validation };
};
