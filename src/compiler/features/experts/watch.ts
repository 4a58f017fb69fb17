// When the load of experts is worth a look: routers that choose nearly the same experts for every token, and experts that
// nobody visits. A router that collapses so is what balance terms are against (arXiv 1701.06538, section 4).
import { grouped, percentText } from "../../../bundle/numbers.ts";
import type { Measured, Watch } from "../../model/watch.ts";
import { mixtureOf } from "./config.ts";

/**
 * From here a router counts as collapsed: of the way from even use, where the top_k busiest of E experts get top_k / E of all
 * choices, to one choice for all tokens, where they get all.
 */
const COLLAPSED = 0.9;
/** Experts whose numbers are told; the others are counted. */
const MOST_NAMED = 6;

const named = (experts: readonly number[]): string =>
  experts.slice(0, MOST_NAMED).join(", ") + (experts.length > MOST_NAMED ? ", …" : "");

const isList = (value: number | readonly number[]): value is readonly number[] =>
  Array.isArray(value);

/** @param values load of each expert, a share of all choices, whenever it was told. */
const loadFinding = (
  values: Measured["values"],
  experts: number,
  topK: number,
): string | undefined => {
  const told = values.flatMap(({ step, value }) =>
    isList(value) && value.length === experts ? [{ step, load: value }] : [],
  );
  const last = told.at(-1);
  if (last === undefined || topK >= experts) return undefined;
  const busiest = last.load
    .map((share, expert) => ({ share, expert }))
    .sort((a, b) => b.share - a.share)
    .slice(0, topK);
  const share = busiest.reduce((sum, one) => sum + one.share, 0);
  const even = topK / experts;
  const collapsed = (share - even) / (1 - even) >= COLLAPSED;
  // one batch may leave an expert out by chance
  const later = told.slice(Math.floor(told.length / 2));
  const idle =
    later.length < 2
      ? []
      : last.load.flatMap((_, e) => (later.every(({ load }) => load[e] === 0) ? [e] : []));
  const facts = [
    ...(collapsed
      ? [
          `${percentText(share)} of all choices fall on ${topK} of ${grouped(experts)} experts: ${named(busiest.map(({ expert }) => expert))}`,
        ]
      : []),
    ...(idle.length > 0
      ? [
          `${idle.length} of ${grouped(experts)} experts got no token in any batch told since step ${grouped(later[0]!.step)}: ${named(idle)}`,
        ]
      : []),
  ];
  return facts.length === 0 ? undefined : facts.join("; ");
};

/** Of the mixtures that the constructor `is` makes. */
export const loadWatch = (is: string): Watch => ({
  quantity: "load",
  finding: ({ ffn }, values) => {
    if (ffn.is !== is) return undefined;
    const { experts, topK } = mixtureOf(ffn);
    return loadFinding(values, experts, topK);
  },
});
