// The numbers of a model against each other: heads and widths, key-value heads, rotary pairs, the padding row.
import { numberOf, variantOf } from "./spec-values.ts";
import { suggestion } from "../diagnostics/fix.ts";
import type { Details, Span } from "../diagnostics/types.ts";
import { reportValue, type Context } from "./context.ts";
import type { Origin, Value, Variant } from "./spec.ts";

export type PartialRecord = Readonly<Record<string, Value | undefined>>;
export type Origins = ReadonlyMap<string, Origin>;

export const checkShapes = (
  model: PartialRecord,
  blocks: readonly PartialRecord[],
  root: string,
  origins: Origins,
  ctx: Context,
): void => {
  const hidden = numberOf(model["hidden_size"]);
  for (const block of blocks) {
    const attention = variantOf(block["attention"]);
    if (attention === undefined) continue;
    const path = `${root}.blocks.${Number(block["layer"]) - 1}.attention`;
    checkHeads(attention, hidden, path, `${root}.hidden_size`, origins, ctx);
    checkKeyValueHeads(attention, path, origins, ctx);
  }
  const padding = numberOf(variantOf(model["embedding"])?.["padding"]);
  const vocab = numberOf(model["vocab_size"]);
  if (padding !== undefined && vocab !== undefined && padding >= vocab)
    reportValue(
      ctx,
      "padding-outside",
      placeOf(`${root}.embedding.padding`, origins),
      { padding, vocab },
      {
        notes: [note(`${root}.vocab_size`, origins, "vocab_size is set here")],
        help: [`use padding: ${vocab - 1}, the last row, or none`],
      },
    );
};

const nearest = (path: string, origins: Origins): Origin | undefined => {
  for (let at = path; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf(".")))) {
    const found = origins.get(at);
    if (found !== undefined) return found;
  }
  return undefined;
};
const nowhere: Span = { file: 0, start: 0, end: 0 };
export const placeOf = (path: string, origins: Origins): Span =>
  nearest(path, origins)?.span ?? nowhere;
/** The number's own text: a default, an argument, a `let`. */
export const literalOf = (path: string, origins: Origins): Span => {
  const found = nearest(path, origins);
  return found?.from ?? found?.span ?? nowhere;
};
export const note = (
  path: string,
  origins: Origins,
  text: string,
): { readonly at: Span; readonly text: string } => ({
  at: literalOf(path, origins),
  text,
});

const checkHeads = (
  attention: Variant,
  hidden: number | undefined,
  path: string,
  hiddenPath: string,
  origins: Origins,
  ctx: Context,
): void => {
  const heads = numberOf(attention["heads"]);
  const fixed = numberOf(attention["head_dim"]);
  const rotary = variantOf(attention["position"])?.is === "rope";
  if (
    heads === undefined ||
    (fixed === undefined && (hidden === undefined || attention["head_dim"] !== null))
  )
    return;
  const headsAt = placeOf(`${path}.heads`, origins);
  const given = [
    note(hiddenPath, origins, "hidden_size is set here"),
    ...(origins.get(`${path}.heads`)?.from
      ? [note(`${path}.heads`, origins, "heads is set here")]
      : []),
  ];
  if (fixed === undefined && hidden !== undefined && hidden % heads !== 0) {
    const each = Number((hidden / heads).toFixed(2));
    reportValue(
      ctx,
      "head-dim-mismatch",
      headsAt,
      { hidden, heads },
      {
        label: `each head would get ${each} channels`,
        notes: given,
        ...widths(hidden, heads, rotary, literalOf(hiddenPath, origins)),
      },
    );
    return;
  }
  const width = fixed ?? (hidden ?? 0) / heads;
  if (rotary && width % 2 !== 0) {
    if (fixed !== undefined)
      reportValue(
        ctx,
        "odd-head-dim",
        placeOf(`${path}.head_dim`, origins),
        { width },
        {
          help: [`use head_dim: ${width + 1}${width > 1 ? ` or ${width - 1}` : ""}`],
        },
      );
    else
      reportValue(
        ctx,
        "odd-head-dim",
        headsAt,
        { width },
        {
          notes: given,
          ...widths(hidden ?? 0, heads, true, literalOf(hiddenPath, origins)),
        },
      );
  }
};

/** Widths and head counts nearby that divide. */
const widths = (
  hidden: number,
  heads: number,
  rotary: boolean,
  at: Span,
): Pick<Details, "help" | "fixes"> => {
  const step = heads * (rotary ? 2 : 1);
  const below = Math.floor(hidden / step) * step;
  const candidates = [...new Set([below, below + step])].filter((n) => n > 0 && n !== hidden);
  const written = candidates.map((n) => `${n} (${heads} × ${n / heads})`);
  const counts = divisors(hidden, rotary).filter((n) => n !== heads);
  counts.sort((a, b) => Math.abs(a - heads) - Math.abs(b - heads) || a - b);
  const best = counts[0];
  const near = candidates.reduce(
    (a, b) => (Math.abs(b - hidden) < Math.abs(a - hidden) ? b : a),
    candidates[0] ?? hidden,
  );
  return {
    help: [
      `use hidden_size = ${written.join(" or ")}`,
      ...(best === undefined ? [] : [`or heads: ${best} (${best} × ${hidden / best})`]),
    ],
    ...suggestion(`Set hidden_size to ${near}`, at, String(near)),
  };
};

const divisors = (hidden: number, rotary: boolean): number[] => {
  const found: number[] = [];
  for (let n = 1; n <= Math.min(hidden, 1024); n += 1)
    if (hidden % n === 0 && (!rotary || (hidden / n) % 2 === 0)) found.push(n);
  return found;
};

const checkKeyValueHeads = (
  attention: Variant,
  path: string,
  origins: Origins,
  ctx: Context,
): void => {
  const heads = numberOf(attention["heads"]);
  const kv = numberOf(attention["kv"]);
  if (heads === undefined || kv === undefined || heads % kv === 0) return;
  const counts = divisors(heads, false).sort(
    (a, b) => Math.abs(a - kv) - Math.abs(b - kv) || a - b,
  );
  const two = counts.slice(0, 2).sort((a, b) => a - b);
  reportValue(
    ctx,
    "kv-heads-mismatch",
    placeOf(`${path}.kv`, origins),
    { heads, kv },
    {
      label: "every key-value head serves the same number of query heads",
      notes: [
        note(`${path}.heads`, origins, "heads is set here"),
        ...(origins.get(`${path}.kv`)?.from ? [note(`${path}.kv`, origins, "kv is set here")] : []),
      ],
      help: [`use kv: ${two.join(" or ")}`],
    },
  );
};
