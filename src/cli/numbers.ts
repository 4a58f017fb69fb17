// Numbers as people read them.

export const grouped = (n: number): string => n.toLocaleString("en-US");

/** "1 step", "2 steps" */
export const counted = (n: number, thing: string): string =>
  `${grouped(n)} ${thing}${n === 1 ? "" : "s"}`;

export const bytesText = (bytes: number): string => {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(1)} ${units[power - 1]!}`;
};
export const countText = (n: number): string => {
  for (const [size, suffix] of [
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const)
    if (n >= size)
      return `${(n / size).toFixed(n >= 100 * size ? 0 : n >= 10 * size ? 1 : 2)} ${suffix}`;
  return String(Math.round(n));
};
export const timeText = (seconds: number): string => {
  if (!Number.isFinite(seconds)) return "?";
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (h > 0) return `${h}h${String(m).padStart(2, "0")}m`;
  return m > 0 ? `${m}m${String(s).padStart(2, "0")}s` : `${s}s`;
};

/** Columns of text; those named in `right` are set flush right. */
export const table = (rows: readonly (readonly string[])[], right: readonly number[]): string => {
  const widths = rows[0]!.map((_cell, i) =>
    Math.max(...rows.map((row) => [...(row[i] ?? "")].length)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (right.includes(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd();
  return rows.map(line).join("\n");
};
