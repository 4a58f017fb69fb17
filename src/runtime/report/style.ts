// How the report looks; the colours of both themes are named once.
export const THEMES = {
  light: {
    page: "#f6f7f9", card: "#fff", ink: "#1c2330", soft: "#667085", line: "#e3e6eb",
    train: "#2563eb", eval: "#ea580c", other: "#0d9488", code: "#f2f4f7", depth: "42%", faint: "0.32",
    run0: "#2563eb", run1: "#ea580c", run2: "#0d9488", run3: "#9333ea",
    run4: "#a16207", run5: "#db2777", run6: "#4d7c0f", run7: "#64748b",
  },
  dark: {
    page: "#12151b", card: "#1a1f28", ink: "#e6e9ef", soft: "#98a2b3", line: "#2b3240",
    train: "#6ea0ff", eval: "#fb9a5b", other: "#4fd1c5", code: "#141921", depth: "62%", faint: "0.5",
    run0: "#6ea0ff", run1: "#fb9a5b", run2: "#4fd1c5", run3: "#c08cff",
    run4: "#e3b341", run5: "#f472b6", run6: "#a3d65c", run7: "#a8b3c4",
  },
} as const; // prettier-ignore
const variables = (theme: Readonly<Record<string, string>>): string =>
  Object.entries(theme)
    .map(([name, colour]) => `--${name}: ${colour};`)
    .join(" ");

export const STYLE = `
:root { color-scheme: light dark; ${variables(THEMES.light)} }
@media (prefers-color-scheme: dark) { :root { ${variables(THEMES.dark)} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 40px 20px 64px; }
header h1 { margin: 0; font-size: 28px; letter-spacing: -0.02em; }
.lead { margin: 20px 0 24px; }
header p { margin: 4px 0 0; color: var(--soft); }
h2 { margin: 36px 0 12px; font-size: 17px; }
.figures { display: grid; grid-template-columns: repeat(var(--columns), minmax(0, 1fr)); gap: 12px; margin: 24px 0; }
.figures div, figure, .card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.figures div { padding: 12px 16px; }
.figures dt { color: var(--soft); font-size: 12.5px; }
.figures dd { margin: 2px 0 0; font-size: 21px; font-weight: 600; font-variant-numeric: tabular-nums; letter-spacing: -0.01em; }
.figures dd small { display: block; font-size: 13px; font-weight: 400; letter-spacing: 0; color: var(--soft); }
dl { margin: 0; }
.charts { display: grid; grid-auto-flow: dense; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 14px; }
.wide { grid-column: 1 / -1; }
figure { margin: 0; padding: 14px 16px 8px; }
figcaption small { color: var(--soft); margin-left: 6px; }
svg { display: block; width: 100%; height: auto; margin-top: 6px; font: 11px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
svg.narrow { display: none; }
svg text { fill: var(--soft); }
.grid { stroke: var(--line); } .axis, .tick { stroke: var(--soft); opacity: 0.6; }
.legend { margin: 4px 0 2px; display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 12.5px; color: var(--soft); }
.legend i { display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 6px; vertical-align: middle; }
.legend.ramp i { width: 7px; height: 9px; margin: 0; border-radius: 0; }
.card { padding: 16px 18px; overflow-x: auto; }
pre { margin: 0; font: 13px/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
pre.code { white-space: pre; overflow-wrap: normal; }
pre mark { background: none; color: var(--soft); }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
td { padding: 5px 8px 5px 0; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; } tr:first-child td { border: 0; }
td:first-child { color: var(--soft); width: 220px; }
.key { display: inline-block; width: 10px; height: 10px; margin-right: 8px; border-radius: 2px; }
/* drawings shrink, their letters less */
@media (max-width: 900px) { svg { font-size: 13px; } }
@media (max-width: 720px) {
  main { padding: 28px 12px 48px; }
  .figures { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .figures div:last-child:nth-child(odd) { grid-column: 1 / -1; }
  .charts { grid-template-columns: minmax(0, 560px); justify-content: center; }
  figure { padding: 12px 12px 6px; }
  svg.broad { display: none; } svg.narrow { display: block; }
  td { display: block; border: 0; padding: 0 0 8px; } td:first-child { width: auto; padding-bottom: 0; }
}
`;
