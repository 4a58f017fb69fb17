// What attention sees against the lengths around it: windows and rotary scaling against the context, divisors against heads,
// learned positions against those of the other blocks.
import type { Span } from "../diagnostics/types.ts";
import { reportValue, type Context } from "./context.ts";
import { note, placeOf, type Origins, type PartialRecord } from "./shapes.ts";
import { numberOf, variantOf } from "./spec-values.ts";
import type { Variant } from "./spec.ts";

interface Place {
  readonly path: string;
  readonly contextPath: string;
  readonly origins: Origins;
  readonly ctx: Context;
}

export const checkPositions = (
  model: PartialRecord,
  blocks: readonly PartialRecord[],
  root: string,
  origins: Origins,
  ctx: Context,
): void => {
  const context = numberOf(model["context"]);
  const hidden = numberOf(model["hidden_size"]);
  const attentions = blocks.map((block) => variantOf(block["attention"]));
  attentions.forEach((attention, i) => {
    if (attention === undefined) return;
    const path = `${root}.blocks.${Number(blocks[i]!["layer"]) - 1}.attention`;
    const place = { path, contextPath: `${root}.context`, origins, ctx };
    if (context !== undefined) checkWindow(attention, context, place);
    const scaling = variantOf(variantOf(attention["position"])?.["scaling"]);
    if (scaling === undefined) return;
    if (context !== undefined) checkReach(scaling, context, place);
    const heads = numberOf(attention["heads"]);
    // latent attention says how many channels of a head turn
    const own = numberOf(attention["rope"]) ?? numberOf(attention["head_dim"]);
    const width = own ?? (hidden !== undefined && heads !== undefined ? hidden / heads : undefined);
    if (width !== undefined && Number.isInteger(width / 2)) checkDivisors(scaling, width, place);
  });
  checkLearned(attentions, root, origins, ctx);
};

const checkWindow = (attention: Variant, context: number, place: Place): void => {
  const window = numberOf(attention["window"]);
  if (window === undefined || window < context) return;
  const { path, contextPath, origins, ctx } = place;
  reportValue(
    ctx,
    "window-sees-all",
    placeOf(`${path}.window`, origins),
    { window, context },
    { notes: [note(contextPath, origins, "context is set here")], help: ["use window: none"] },
  );
};

/** Of the scalings that begin beyond `original`. */
const checkReach = (scaling: Variant, context: number, place: Place): void => {
  const original = numberOf(scaling["original"]);
  const begins = scaling.is === "dynamic" || scaling.is === "longrope";
  if (!begins || original === undefined || original < context) return;
  const { path, contextPath, origins, ctx } = place;
  reportValue(
    ctx,
    "scaling-never-acts",
    placeOf(`${path}.position.scaling.original`, origins),
    { name: scaling.is, original, context },
    { notes: [note(contextPath, origins, "context is set here")] },
  );
};

const checkDivisors = (scaling: Variant, width: number, { path, origins, ctx }: Place): void => {
  for (const name of ["short", "long"]) {
    const divisors = scaling[name];
    if (!Array.isArray(divisors) || divisors.length === width / 2) continue;
    const args = { name, count: divisors.length, width, wanted: width / 2 };
    reportValue(ctx, "rope-divisors", placeOf(`${path}.position.scaling.${name}`, origins), args);
  }
};

const checkLearned = (
  attentions: readonly (Variant | undefined)[],
  root: string,
  origins: Origins,
  ctx: Context,
): void => {
  const positions = attentions.map((attention) => variantOf(attention?.["position"]));
  const first = positions.findIndex((position) => position?.is === "learned");
  if (first < 0) return;
  const told = JSON.stringify(positions[first]);
  const other = positions.findIndex((p) => p !== undefined && JSON.stringify(p) !== told);
  if (other < 0) return;
  const [at, there] = [first, other].map((i) =>
    placeOf(`${root}.blocks.${i}.attention.position`, origins),
  ) as [Span, Span];
  const apart = at.file !== there.file || at.start !== there.start;
  const notes = apart ? [{ at: there, text: `layer ${other + 1} has others` }] : [];
  const label = `layer ${first + 1} has learned positions${apart ? "" : `, layer ${other + 1} others`}`;
  reportValue(ctx, "learned-positions-differ", at, {}, { label, notes });
};
