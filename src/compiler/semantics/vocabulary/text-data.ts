// The words of recipes for text: where it comes from, and how it becomes tokens.
import type { Complaint } from "../../diagnostics/entry.ts";
import type { BaseEntry } from "../catalogue.ts";
import type { Constructor } from "../schema.ts";
import type { Value, Variant } from "../spec.ts";
import { shown } from "../values.ts";
import { fraction, key, sum, yesNo } from "./kit.ts";

/** "95%, 5%" is all there is. */
const wholeSplit = (value: Variant): readonly Complaint<BaseEntry>[] => {
  const split = value["split"];
  if (!Array.isArray(split)) return [];
  const parts = (split as readonly Value[]).filter((x) => typeof x === "number");
  const total = parts.reduce((all, x) => all + x, 0);
  if (Math.abs(total - 1) < 1e-9) return [];
  const first = parts[0] ?? 1;
  const help = [`use split: [${shown(first * 100)}%, ${shown((1 - first) * 100)}%]`];
  return [
    {
      name: "split-sum",
      args: { total: `${shown(total * 100)}%` },
      at: "split",
      ...(first <= 1 && { details: { help } }),
    },
  ];
};

export const textDataConstructors: readonly Constructor[] = [
  {
    name: "text",
    of: "Data",
    doc: "plain text files, read in the order of their names",
    keys: [
      key(
        "files",
        { kind: "list", of: { kind: "string" }, min: 1, single: true },
        "paths or patterns, from the project's folder on (that of the nearest package.json above, else this file's); with `package`, inside it",
        { example: '"corpus.txt"' },
      ),
      key("package", { kind: "string" }, "an installed npm package that holds the files", {
        default: "none",
        optional: true,
      }),
      key("tokenizer", sum("Tokenizer"), "how text becomes tokens", { default: "bytes()" }),
      key("sequence", { kind: "int", min: 2 }, "tokens of one sequence", { default: "256" }),
      key(
        "pack",
        yesNo,
        "sequences run across the ends of files; otherwise each file starts a new one",
        { default: "true" },
      ),
      key(
        "split",
        { kind: "list", of: fraction, length: 2 },
        "shares for training and validation",
        { default: "[95%, 5%]" },
      ),
    ],
    check: wholeSplit,
  },
  { name: "bytes", of: "Tokenizer", doc: "each byte of UTF-8 is a token: 256 of them", keys: [] },
  {
    name: "bpe",
    of: "Tokenizer",
    doc: "byte-level byte-pair encoding in the tokenizer.json format",
    source: "arXiv 1508.07909",
    keys: [
      key(
        "file",
        { kind: "string" },
        "the tokenizer's file, from the project's folder on; trained on the data and written when it is missing",
        { example: '"tokenizer.json"' },
      ),
      // the end of a document and the bytes come before the first merge
      key("size", { kind: "int", min: 257 }, "tokens to train when the file is missing", {
        default: "none",
        optional: true,
      }),
    ],
  },
];
