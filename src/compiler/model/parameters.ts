// The parameters of a model under construction: asked for by path, made once, each with its name on disk and its start.
import type { HostState, Init } from "../../bundle/manifest.ts";
import { InternalError } from "../diagnostics/types.ts";
import type { Builder, Dim, Node } from "../ir/types.ts";

/** A layer's two names: "blocks.3.attention.q" and "model.layers.3.self_attn.q_proj". */
export interface LayerName {
  readonly path: string;
  readonly disk: string;
}

export interface Parameter {
  /** "blocks.3.attention.q.weight". */
  readonly name: string;
  /** "model.layers.3.self_attn.q_proj.weight". */
  readonly diskName: string;
  /** As the graph sees it; linear weights are [in, out]. */
  readonly shape: readonly Dim[];
  /** Lies on disk as [out, in]. */
  readonly transposed: boolean;
  readonly init: Init;
  readonly trained: boolean;
  /** Measured rather than learned: kept with the weights, and no parameter of the model. */
  readonly buffer: boolean;
  /** "weight", "bias", "norm", "gate": what policies and features select by. */
  readonly role: string;
  /** This row is never updated: the padding row of an embedding. */
  readonly frozenRow: number | null;
  /** The share of it that a token's pass reads at most: of a stack of experts, those that it visits. */
  readonly active: number;
}

export interface Parameters {
  readonly get: (
    wanted: Omit<Parameter, "transposed" | "trained" | "buffer" | "frozenRow" | "active"> &
      Partial<Parameter>,
  ) => Node;
  readonly list: () => readonly Parameter[];
  readonly node: (name: string) => Node;
}

export const createParameters = (b: Builder): Parameters => {
  const made = new Map<string, { readonly parameter: Parameter; readonly node: Node }>();
  return {
    get: (wanted) => {
      const known = made.get(wanted.name);
      if (known !== undefined) return known.node;
      const parameter = {
        ...{ transposed: false, trained: true, buffer: false, frozenRow: null, active: 1 },
        ...wanted,
      };
      const node = b.emit("state", [], { name: parameter.name, shape: parameter.shape });
      made.set(parameter.name, { parameter, node });
      return node;
    },
    list: () => [...made.values()].map((m) => m.parameter),
    node: (name) => {
      const known = made.get(name);
      if (known === undefined) throw new InternalError(`no parameter ${name}`);
      return known.node;
    },
  };
};

/** A parameter, or what an optimizer keeps beside it under `suffix` ("exp_avg"), as the manifest lists it. */
export const stateEntry = (
  p: Parameter,
  slot?: { readonly suffix: string; readonly kind: HostState["kind"] },
): HostState => ({
  name: slot === undefined ? p.name : `${p.name}/${slot.suffix}`,
  kind: slot?.kind ?? (p.buffer ? "buffer" : "param"),
  diskName: slot === undefined ? p.diskName : `${p.diskName}/${slot.suffix}`,
  dtype: "f32",
  shape: p.shape.map((d) => d.size),
  transposed: p.transposed,
  init: slot === undefined ? p.init : { kind: "constant", value: 0 },
});
