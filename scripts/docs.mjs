// `npm run docs`: writes the generated parts of the documentation, between `<!-- generated:NAME -->` marks; `--check` only
// says which are stale. Needs a build.
import { readFileSync, writeFileSync } from "node:fs";
import { format } from "prettier";
import { generatedDocs } from "../dist/src/compiler/generated-docs.js";

const check = process.argv.includes("--check");
let stale = 0;
for (const { path, name, text } of generatedDocs()) {
  const file = new URL(`../${path}`, import.meta.url);
  const before = readFileSync(file, "utf8");
  const [open, close] = [`<!-- generated:${name} -->`, `<!-- /generated:${name} -->`];
  const [start, end] = [before.indexOf(open), before.indexOf(close)];
  if (start < 0 || end < start) throw new Error(`${path} has no place for generated:${name}`);
  const draft = `${before.slice(0, start + open.length)}\n\n${text}\n\n${before.slice(end)}`;
  const after = await format(draft, { parser: "markdown", printWidth: 100 });
  if (after === before) continue;
  stale += 1;
  if (check) console.error(`${path}: the part "${name}" is not up to date`);
  else {
    writeFileSync(file, after);
    console.log(`wrote ${path}`);
  }
}
if (check && stale > 0) {
  console.error("run: npm run docs");
  process.exitCode = 1;
}
