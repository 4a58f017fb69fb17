// Columns of text on a terminal.

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
