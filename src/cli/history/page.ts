// The pictures of one run or of several as a page of its own.
import { grouped } from "../../bundle/numbers.ts";
import { escapeHtml, figureHtml } from "../../runtime/report/figure.ts";
import { figuresOf } from "../../runtime/report/figures.ts";
import { runColour } from "../../runtime/report/palette.ts";
import { STYLE } from "../../runtime/report/style.ts";
import { aboutRun, type RunRecord } from "./record.ts";

export const runsTitle = (runs: readonly RunRecord[]): string =>
  runs.length === 1
    ? `${runs[0]!.model} by ${runs[0]!.recipe}: ${runs[0]!.name}`
    : `${runs.length} runs: ${[...new Set(runs.map(({ model }) => model))].join(", ")}`;

const findingsHtml = (runs: readonly RunRecord[]): string => {
  const rows = runs.flatMap(({ name, findings }) =>
    findings.map(({ place, quantity, step, text }) => {
      const where = [...(runs.length > 1 ? [name] : []), place, quantity].filter((w) => w !== "");
      return `<tr><td>${escapeHtml(where.join(" "))}</td><td>${escapeHtml(`step ${grouped(step)}: ${text}`)}</td></tr>`;
    }),
  );
  return rows.length === 0
    ? ""
    : `<h2>Worth a look</h2><div class="card lead"><table>${rows.join("")}</table></div>`;
};

export const runsHtml = (runs: readonly RunRecord[]): string => {
  const title = escapeHtml(runsTitle(runs));
  const about = runs.map((run, i) => {
    const key = runs.length === 1 ? "" : `<i class="key" style="background:${runColour(i)}"></i>`;
    return `<tr><td>${key}${escapeHtml(run.name)}</td><td>${escapeHtml(aboutRun(run))}</td></tr>`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${STYLE}</style></head>
<body><main>
<header><h1>${title}</h1></header>
<div class="card lead"><table>${about.join("")}</table></div>
${findingsHtml(runs)}
<section class="charts">
${figuresOf(runs).map(figureHtml).join("\n")}
</section>
</main></body></html>
`;
};
