// What becomes of every tensor of a checkpoint: none is lost in silence.
import { hostType, type NumberFormat } from "../../bundle/number-formats.ts";
import type { TensorInfo } from "../../bundle/safetensors.ts";
import type { Family } from "./family.ts";
import { leavesOf, shapeOf, told, type Layout, type Shapes } from "./layout.ts";

export interface Account {
  /** Under the same name on both sides. */
  readonly same: readonly string[];
  readonly converted: readonly {
    readonly theirs: string;
    readonly ours: readonly string[];
    readonly how: string;
  }[];
  /** They carry nothing of the model. */
  readonly dropped: readonly { readonly name: string; readonly why: string }[];
  /** The model has them, the checkpoint does not. */
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  /** Weights are floats. */
  readonly mistyped: readonly { readonly name: string; readonly format: NumberFormat }[];
  readonly misshapen: readonly {
    readonly name: string;
    readonly found: readonly number[];
    readonly expected: readonly number[];
  }[];
}

export const TIED_COPY = "lm_head.weight";

const COMPUTED = {
  name: /\.rotary_emb\.(inv_freq|cos_cached|sin_cached)$/,
  why: "a table that is computed",
};

export const accountOf = (
  family: Family,
  layout: Layout,
  ours: Shapes,
  infos: ReadonlyMap<string, TensorInfo>,
  tied: boolean,
): Account => {
  const whyEmpty = (name: string): string | undefined => {
    if (tied && name === TIED_COPY && !layout.has(name)) return "a copy of the embedding";
    return [COMPUTED, ...(family.empty ?? [])].find((rule) => rule.name.test(name))?.why;
  };
  const found = [...layout].filter(([theirs]) => infos.has(theirs));
  const extra = [...infos.keys()].filter((name) => !layout.has(name));
  return {
    same: found.flatMap(([theirs, made]) => (theirs === made ? [theirs] : [])),
    converted: found.flatMap(([theirs, made]) =>
      theirs === made ? [] : [{ theirs, ours: leavesOf(made), how: told(made) }],
    ),
    dropped: extra.flatMap((name) => {
      const why = whyEmpty(name);
      return why === undefined ? [] : [{ name, why }];
    }),
    missing: [...layout.keys()].filter((theirs) => !infos.has(theirs)),
    unexpected: extra.filter((name) => whyEmpty(name) === undefined),
    mistyped: found.flatMap(([name]) => {
      const { format } = infos.get(name)!;
      return hostType(format) === "f32" ? [] : [{ name, format }];
    }),
    misshapen: found.flatMap(([name, made]) => {
      const expected = shapeOf(made, ours);
      const { shape } = infos.get(name)!;
      return shape.join() === expected.join() ? [] : [{ name, found: shape, expected }];
    }),
  };
};
