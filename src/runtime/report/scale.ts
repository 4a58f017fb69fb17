// Axes: round tick values that cover what is drawn.

export interface Scale {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
}

/** The smallest and the largest; of any number of values, which as arguments of Math.min they could not be. */
export const rangeOf = (values: readonly number[]): readonly [low: number, high: number] =>
  values.reduce<readonly [number, number]>(
    ([low, high], x) => [Math.min(low, x), Math.max(high, x)],
    [Infinity, -Infinity],
  );

/** Values that differ by less than this are drawn as one: what is between them is rounding. */
const SAME = 1e-9;
/** About `count` ticks at 1, 2 or 5 times a power of ten that cover the values. */
export const niceScale = (low: number, high: number, count: number): Scale => {
  const [a, b] =
    high - low > SAME * Math.abs(low)
      ? [low, high]
      : [low - (Math.abs(low) || 1) / 2, low + (Math.abs(low) || 1) / 2];
  const raw = (b - a) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((m) => m * power >= raw) ?? 10);
  const [first, last] = [Math.floor(a / step + 1e-9), Math.ceil(b / step - 1e-9)];
  const ticks = Array.from({ length: last - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
  return { from: ticks[0] ?? a, to: ticks.at(-1) ?? b, ticks };
};

/** Powers of ten, and 2 and 5 times them where there are few, that cover the values, all above 0. */
export const logScale = (low: number, high: number, count: number): Scale => {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high * 1.0001))];
  const steps = last - first <= 2 ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil((last - first) / (2 * count)));
  const all = Array.from({ length: last - first + 1 }, (_, i) => first + i)
    .filter((_, i) => i % every === 0)
    .flatMap((power) => steps.map((m) => m * 10 ** power));
  const from = all.filter((t) => t <= low).at(-1) ?? low;
  const to = all.find((t) => t >= high) ?? high;
  return {
    from,
    to,
    ticks: all.filter((t) => t >= from && t <= to).map((t) => Number(t.toPrecision(12))),
  };
};
