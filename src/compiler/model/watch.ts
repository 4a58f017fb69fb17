// What a method knows of the numbers that are measured of it during a training: when one is worth a look.
import type { BlockSpec } from "../semantics/spec.ts";

/** What was measured at one place, oldest first: numbers, or lists of them. */
export interface Measured {
  /** "load" of "metrics/blocks.3.ffn.load", "gates" of "probes/gates/blocks.3.gpas.gate". */
  readonly quantity: string;
  /** "blocks.3.ffn", "heads.1.blocks.3.gpas.gate" */
  readonly place: string;
  readonly values: readonly {
    readonly step: number;
    readonly value: number | readonly number[];
  }[];
}

export interface Watch {
  readonly quantity: string;
  /** A fact about the place, or nothing where all is as it should be. `block`: that it lies in. */
  readonly finding: (block: BlockSpec, values: Measured["values"]) => string | undefined;
}
