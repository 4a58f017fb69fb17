// Numbers as people read them: one form for each kind of quantity, the same on a terminal, in a page and in a picture.

/** A count, exact: "16,384". */
export const grouped = (n: number): string => n.toLocaleString("en-US");

/** "1 step", "2 steps" */
export const counted = (n: number, thing: string): string =>
  `${grouped(n)} ${thing}${n === 1 ? "" : "s"}`;

const PREFIXES = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
] as const;
/** A count where its size is all that matters, three digits of it: "38.4 k", "134 M". */
export const countText = (n: number): string => {
  for (const [size, prefix] of PREFIXES)
    if (n >= size)
      return `${(n / size).toFixed(n >= 100 * size ? 0 : n >= 10 * size ? 1 : 2)} ${prefix}`;
  return String(Math.round(n));
};

/** Round numbers beside an axis, with the few digits that they have: counts "1.235 M", others "0.002", "3e-4". */
export const countTick = (n: number): string => {
  const [size, prefix] = PREFIXES.find(([least]) => n >= least) ?? [1, ""];
  return `${Number((n / size).toPrecision(6))} ${prefix}`.trimEnd();
};
export const measureTick = (x: number): string =>
  x !== 0 && Math.abs(x) >= 1e-3 && Math.abs(x) < 1e5
    ? String(Number(x.toPrecision(6)))
    : measureText(x);

/** A loss in nats, or in bits a byte: "2.5418". */
export const lossText = (loss: number): string => loss.toFixed(4);

/** A share of a whole that counts cases, accuracy for one: "30.35%". */
export const percentText = (share: number): string => `${(share * 100).toFixed(2)}%`;

/** A share of parameters, which papers tell as a number from 0 to 1: "0.4967". */
export const densityText = (density: number): string => density.toFixed(4);

/** Anything else that is measured, norms and ratios: four digits, "0.7186", "12.76", "3e-4", "2.43e5". */
export const measureText = (x: number): string => {
  const size = Math.abs(x);
  if (size !== 0 && (size < 1e-3 || size >= 1e5))
    return Number(x.toPrecision(3)).toExponential().replace("e+", "e");
  return String(Number(x.toPrecision(size >= 1e4 ? 5 : 4)));
};

/** Seconds, to the second: "14 s", "3 min 5 s", "1 h 2 min". */
export const timeText = (seconds: number): string => {
  if (!Number.isFinite(seconds)) return "?";
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (h > 0) return `${h} h ${m} min`;
  return m > 0 ? `${m} min ${s} s` : `${s} s`;
};

export const bytesText = (bytes: number): string => {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(1)} ${units[power - 1]!}`;
};
