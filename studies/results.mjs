// RESULTS.md from results/*.json: means with the spread over seeds, and differences seed by seed, which start from the same
// weights where arms share them and see the same batches.

const meanOf = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;
/** Sample standard deviation. */
const spreadOf = (values) => {
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1));
};
const shown = (values, digits = 4) =>
  `${meanOf(values).toFixed(digits)}${values.length > 1 ? ` ± ${spreadOf(values).toFixed(digits)}` : ""}`;
const signed = (values, digits = 4) =>
  `${meanOf(values) < 0 ? "−" : "+"}${shown(values, digits).replace(/^-/, "")}`;
const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

const table = (head, rows) =>
  [
    `| ${head.join(" | ")} |`,
    `| ${head.map((_, i) => (i === 0 ? "---" : "--:")).join(" | ")} |`,
    ...rows.map((row) => `| ${row.join(" | ")} |`),
  ].join("\n");

/** Run by run: how much a number of this arm lies above that of the other. */
const differences = (arm, other, of) => arm.runs.map((run, i) => of(run) - of(other.runs[i]));
const standardError = (values) =>
  values.length > 1 ? (spreadOf(values) / Math.sqrt(values.length)).toFixed(4) : "";
const lower = (values) => `${values.filter((x) => x < 0).length} of ${values.length}`;

const lossTable = ({ arms }, against) => {
  const base = arms.find(({ name }) => name === against);
  return table(
    [
      "model",
      "parameters",
      "training FLOPs a token",
      "held-out loss",
      `minus ${against}`,
      "standard error",
      "lower",
    ],
    arms.map((arm) => {
      const apart = differences(arm, base, (run) => run.loss);
      const rest =
        arm === base ? ["", "", ""] : [signed(apart), standardError(apart), lower(apart)];
      const sizes = [grouped(arm.parameters), grouped(arm.flopsPerToken)];
      return [`\`${arm.name}\``, ...sizes, shown(arm.runs.map(({ loss }) => loss)), ...rest];
    }),
  );
};

const varianceTables = ({ arms }) => {
  const depth = arms[0].runs[0].variance.length;
  const ratio = ({ variance }) => variance.at(-1) / variance[1];
  return [
    "Variance of the stream after each block, over positions and channels of held-out text (block 0: the embedding):",
    "",
    table(
      ["after block", ...arms.map(({ name }) => `\`${name}\``)],
      [
        ...Array.from({ length: depth }, (_, l) => [
          String(l),
          ...arms.map(({ runs }) =>
            shown(
              runs.map(({ variance }) => variance[l]),
              3,
            ),
          ),
        ]),
        ["last over first", ...arms.map(({ runs }) => shown(runs.map(ratio), 2))],
      ],
    ),
  ];
};

const headTable = ({ arms }) =>
  arms
    .filter(({ runs }) => runs[0].heads !== undefined)
    .flatMap(({ name, runs }) => {
      const apart = (of) => runs.map((run) => run.answer - of(run.heads));
      const best = apart((heads) => Math.min(...heads));
      const mean = apart(meanOf);
      return [
        `Heads of \`${name}\`, on the same windows of held-out text:`,
        "",
        table(
          ["", "loss", "mean of logits minus it", "lower"],
          [
            ["mean of logits", shown(runs.map((run) => run.answer)), "", ""],
            [
              "best head",
              shown(runs.map(({ heads }) => Math.min(...heads))),
              signed(best),
              lower(best),
            ],
            [
              "mean of heads",
              shown(runs.map(({ heads }) => meanOf(heads))),
              signed(mean),
              lower(mean),
            ],
          ],
        ),
        "",
        `Two heads name different next bytes at ${shown(
          runs.map(({ disagreement }) => 100 * disagreement),
          1,
        )} % of the positions.`,
      ];
    });

const section = ({ study, result }) => {
  const { machine, arms } = result;
  const [{ updates, tokens, runs }] = arms;
  return [
    `## ${study.title}`,
    "",
    `Claim: ${study.claim}. ${runs.length} seeds, ${grouped(updates)} updates, ${grouped(tokens)} bytes of training; loss in nats a byte over ${grouped(runs[0].tokens)} bytes.`,
    "",
    lossTable(result, study.against),
    ...(runs[0].variance === undefined ? [] : ["", ...varianceTables(result)]),
    ...(arms.some((arm) => arm.runs[0].heads !== undefined) ? ["", ...headTable(result)] : []),
    "",
    `${machine.date}, specc ${machine.specc}, engine ${machine.engine}, Node ${machine.node}, ${machine.processor}.`,
  ].join("\n");
};

/** `known`: studies with their results. */
export const resultsText = (known) =>
  `${[
    "# Results",
    "Written by `npm run studies` from `results/*.json`: mean ± sample standard deviation over seeds. A seed gives all arms the same batches, and the same first values to parameters of the same name, so differences are taken seed by seed; “standard error” is that of the mean difference, “lower” counts the seeds in which the loss is the lower one.",
    ...known.map(section),
  ].join("\n\n")}\n`;
