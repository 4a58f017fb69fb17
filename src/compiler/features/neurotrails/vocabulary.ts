// The words of NeuroTrails: the key `trails` of models with its two forms, and their complaints.
import type { Complaint, DiagnosticEntry } from "../../diagnostics/entry.ts";
import type { Constructor, Key, VocabularyPart } from "../../semantics/schema.ts";
import type { KnownModel } from "../../semantics/spec.ts";
import { trailsOf } from "./config.ts";

const source = "arXiv 2505.17909";
const code = "bramgrooten/neurotrails";
const counting = { kind: "int", min: 1 } as const;

const shared: readonly Key[] = [
  {
    name: "combine",
    type: {
      kind: "word",
      words: [
        { name: "mean_logits", doc: "the mean of the logits, as in the authors' code" },
        {
          name: "mean_probabilities",
          doc: "the logarithm of the mean of the probabilities: soft voting",
        },
      ],
    },
    doc: "what the model says, given what its heads say",
    default: "mean_logits",
    source: code,
  },
  {
    name: "loss",
    type: {
      kind: "word",
      words: [
        {
          name: "sum",
          doc: "each head learns as if it were alone, the trunk from all: the authors' language models",
        },
        { name: "mean", doc: "the sum over the number of heads: the authors' image models" },
      ],
    },
    doc: "how the losses of the heads become the one that is minimised",
    default: "sum",
    source: code,
  },
];

const constructors: readonly Constructor[] = [
  {
    name: "split",
    of: "Trails",
    doc: "a shared trunk, then heads with blocks, final norm and output layer of their own",
    source,
    neutral: [{ with: "split(heads: 1, blocks_in_head: 1)", is: "none" }],
    keys: [
      { name: "heads", type: counting, doc: "how many heads", default: "3", source: code },
      {
        name: "blocks_in_head",
        type: { kind: "int", min: 0 },
        doc: "blocks that each head has of its own, counted from the end",
        example: "1",
        source,
      },
      ...shared,
      {
        name: "final_norm",
        type: {
          kind: "word",
          words: [
            { name: "once", doc: "as in any other decoder" },
            { name: "twice", doc: "with the same gain, as in the authors' language models" },
          ],
        },
        doc: "how often a head of a decoder applies the norm after its last block",
        default: "once",
        source: code,
      },
      {
        name: "last_batch_norm",
        type: {
          kind: "word",
          words: [
            { name: "own", doc: "each head has its own" },
            {
              name: "shared",
              doc: "one for all, whose statistics move with each head in turn: the authors' WideResNet",
            },
          ],
        },
        doc: "whose batch norm follows the last block of an image model's heads",
        default: "own",
        source: code,
      },
    ],
  },
  {
    name: "ensemble",
    of: "Trails",
    doc: "whole models side by side that share nothing: the baseline of the paper",
    source,
    neutral: [{ with: "ensemble(members: 1)", is: "none" }],
    keys: [{ name: "members", type: counting, doc: "how many models", example: "2" }, ...shared],
  },
];

const checkModel = (model: KnownModel): readonly Complaint<Entry>[] => {
  const trails = trailsOf(model);
  if (trails?.kind !== "split") return [];
  const depth = model.blocks?.length;
  const complaints: Complaint<Entry>[] = [];
  if (depth !== undefined && trails.blocksInHead > depth)
    complaints.push({
      name: "split-past-first-block",
      args: { blocks: trails.blocksInHead, depth },
      at: "trails.blocks_in_head",
      details: { help: [`use a number from 0 to ${depth}`] },
    });
  if (trails.finalNorm === "twice" && (model.kind === "image" || model.final_norm === null))
    complaints.push({
      name: "no-norm-to-repeat",
      args: {},
      at: "trails.final_norm",
      details: { help: ["use final_norm: once, or a decoder with a final_norm"] },
    });
  if (trails.lastBatchNorm === "shared" && (model.kind !== "image" || model.final_norm === null))
    complaints.push({
      name: "no-batch-norm-to-share",
      args: {},
      at: "trails.last_batch_norm",
      details: { help: ["use last_batch_norm: own, or an image model with a final_norm"] },
    });
  return complaints;
};

const trails: Key = {
  name: "trails",
  type: { kind: "sum", name: "Trails" },
  optional: true,
  default: "none",
  doc: "heads that answer together",
  source,
};

const diagnostics = [
  {
    code: "SPC3801",
    name: "split-past-first-block",
    severity: "error",
    message: "heads of {blocks} blocks do not fit a model of {depth}",
    why: "A head takes its blocks from the end of the model's; what is before them is the trunk. All blocks may go to the heads, which then share the embedding alone, but no more than there are.",
    wrong: "model M extends Base { trails = split(heads: 3, blocks_in_head: 8) }",
    right: "model M extends Base { trails = split(heads: 3, blocks_in_head: 1) }",
  },
  {
    code: "SPC3802",
    name: "no-norm-to-repeat",
    severity: "error",
    message: "final_norm: twice needs a decoder with a final norm",
    why: "The authors' language models apply the norm after a head's last block a second time before the output layer. Without a final norm there is nothing to apply, and their image models apply theirs once.",
    wrong:
      "model M extends Base {\n  final_norm = none\n  trails = split(blocks_in_head: 1, final_norm: twice)\n}",
    right: "model M extends Base {\n  final_norm = none\n  trails = split(blocks_in_head: 1)\n}",
  },
  {
    code: "SPC3803",
    name: "no-batch-norm-to-share",
    severity: "error",
    message: "last_batch_norm: shared needs an image model with a final norm",
    why: "The heads of the authors' WideResNet share the batch norm after their last blocks: one gain, one bias, and running statistics that move once for each head. Decoders have no batch norm, and a model without a final norm has none to share.",
    wrong: "model M extends Base { trails = split(blocks_in_head: 1, last_batch_norm: shared) }",
    right: "model M extends Base { trails = split(blocks_in_head: 1) }",
  },
] as const satisfies readonly DiagnosticEntry[];
type Entry = (typeof diagnostics)[number];

export const vocabulary: VocabularyPart<Entry> = {
  sums: [{ name: "Trails", doc: "how a model parts into heads that answer together" }],
  constructors,
  keys: { model: [trails], "model of images": [trails] },
  checkModel,
  diagnostics,
  words: ["heads", "members"],
};
