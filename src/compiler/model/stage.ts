// What the builders of a model share: the graph under construction, its parameters and the methods that are on.
import type { Span } from "../diagnostics/types.ts";
import type { Init } from "../../bundle/manifest.ts";
import type { Builder, Dim, Node } from "../ir/types.ts";
import type { BlockSpec, DecoderSpec, Variant } from "../semantics/spec.ts";
import type { Cache } from "./cache.ts";
import type { Effects } from "./effects.ts";
import type { Parameters } from "./parameters.ts";
import type { Kinds, Method, SubLayer } from "./sites.ts";
import type { Tally } from "./tallies.ts";

export interface Stage {
  readonly b: Builder;
  readonly params: Parameters;
  readonly methods: readonly Method[];
  /** What a constructor's name builds, the methods' own included. */
  readonly kinds: Kinds;
  /** The line a path of the spec was written on: "blocks.3.attention". */
  readonly spanOf: (path: string) => Span | undefined;
  /** What layers say beside their result; programs that do not train ignore it. */
  readonly effects: Effects;
  /** Adds to a sum over all passes of an update, and gives the sum so far. */
  readonly tally: (tally: Tally) => Node;
  /** Whether the program trains: statistics are then of the batch, and running ones move. */
  readonly training: boolean;
  /** In programs that go on from earlier runs; elsewhere sequences begin at position 0. */
  readonly cache: Cache | undefined;
}

/** One block under construction. */
export interface Cell extends Stage {
  readonly model: DecoderSpec;
  readonly block: BlockSpec;
  /** From 0, as paths and checkpoints count. */
  readonly index: number;
  /** Where the spec says what it is, for `spanOf`: "blocks.3". */
  readonly place: string;
  /** Of the block and of its parameters: "blocks.3", or "heads.1.blocks.3" in one of several branches. */
  readonly path: string;
  /** "model.layers.3" */
  readonly disk: string;
  /** How the linear layer `part` of a sub-layer starts ("o", "down"): a variant of Init. */
  readonly startOf: (sub: SubLayer, part: string) => Variant;
  /** A parameter of this block. The same name in one block is the same parameter. */
  readonly param: (request: ParamRequest) => Node;
}
export interface ParamRequest {
  /** Below the block's path: "gpas.gate". */
  readonly name: string;
  /** Below the layer's name on disk: "gpas_block.gate". */
  readonly diskName: string;
  readonly shape: readonly Dim[];
  readonly init: Init;
  /** Lies on disk as the transpose. */
  readonly transposed?: boolean;
  /** False: kept and saved, never updated by the optimizer. */
  readonly trained?: boolean;
  /** Policies and features find parameters again by role ("norm", "bias", "gate"). */
  readonly role: string;
}

/** The layers by which a sub-layer writes into the stream. */
const LAST: readonly string[] = ["o", "down"];

/** @param branch what stands before its names: "" or "heads.1." */
export const cellOf = (
  stage: Stage,
  model: DecoderSpec,
  block: BlockSpec,
  index: number,
  branch: string,
): Cell => {
  const place = `blocks.${index}`;
  const [path, disk] = [`${branch}${place}`, `${branch}model.layers.${index}`];
  return {
    ...stage,
    model,
    block,
    index,
    place,
    path,
    disk,
    startOf: (sub, part) => {
      const own = LAST.includes(part) ? block.out_init : null;
      const methods = stage.methods.map((method) => method.startOf?.(block, sub, part));
      return own ?? methods.find((start) => start !== undefined) ?? model.init;
    },
    param: (request) =>
      stage.params.get({
        ...request,
        name: `${path}.${request.name}`,
        diskName: `${disk}.${request.diskName}`,
      }),
  };
};
