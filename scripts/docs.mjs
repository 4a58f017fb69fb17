// `npm run docs`: writes the generated parts of the documentation, between `<!-- generated:NAME -->` marks, and the generated pages;
// `--check` only says which are stale. Needs a build.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { generatedPages, generatedParts } from "../dist/src/compiler/generated-docs.js";

const check = process.argv.includes("--check");
const fileOf = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const read = (path) => (existsSync(fileOf(path)) ? readFileSync(fileOf(path), "utf8") : "");
let stale = 0;
const write = async (path, draft) => {
  const after = await format(draft, { parser: "markdown", printWidth: 100 });
  if (after === read(path)) return;
  stale += 1;
  if (check) console.error(`${path} is not up to date`);
  else {
    mkdirSync(dirname(fileOf(path)), { recursive: true });
    writeFileSync(fileOf(path), after);
    console.log(`wrote ${path}`);
  }
};

for (const { path, name, text } of generatedParts()) {
  const before = read(path);
  const [open, close] = [`<!-- generated:${name} -->`, `<!-- /generated:${name} -->`];
  const [start, end] = [before.indexOf(open), before.indexOf(close)];
  if (start < 0 || end < start) throw new Error(`${path} has no place for generated:${name}`);
  const draft = `${before.slice(0, start + open.length)}\n\n${text}\n\n${before.slice(end)}`;
  await write(path, draft);
}
for (const { path, after, text } of generatedPages())
  await write(path, after === undefined ? text : `${read(after)}\n${text}`);
if (check && stale > 0) {
  console.error("run: npm run docs");
  process.exitCode = 1;
}
