// The Node host keeps its promises, and a bundle's folder is checked before it is believed.
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FileFault } from "../../bundle/file-fault.ts";
import { codeOf } from "../file-errors.ts";
import { replaceFile } from "../host.ts";
import { toyManifest } from "../toy.test.helper.ts";
import { nodeHost } from "./host.ts";
import { openBundle } from "./bundle.ts";

let folder = "";
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "specc-"))));
afterAll(() => rm(folder, { recursive: true }));

test("files, ranges, folders, packages", async () => {
  const host = nodeHost({ root: folder });
  const path = join(folder, "a", "b.bin");
  await host.writeFile(path, Uint8Array.of(1, 2, 3, 4));
  const range = await host.openRange(path);
  expect([range.bytes, [...(await range.read(1, 3))], [...(await range.read(3, 9))]]).toEqual([
    4,
    [2, 3],
    [4],
  ]);
  await range.close();
  await replaceFile(host, path, "text");
  expect(await readdir(join(folder, "a"))).toEqual(["b.bin"]);
  await host.appendFile(join(folder, "a", "log"), "x");
  expect(await host.list(join(folder, "a"))).toEqual([
    { name: "b.bin", folder: false },
    { name: "log", folder: false },
  ]);
  expect(await host.list(join(folder, "none"))).toBeUndefined();
  expect(codeOf(await host.readFile(join(folder, "none")).catch((e: unknown) => e))).toBe("ENOENT");
  await host.remove(join(folder, "a"));
  await host.remove(join(folder, "a"));
  await mkdir(join(folder, "node_modules", "@s", "p"), { recursive: true });
  expect(await host.packageFolder("@s/p", join(folder, "deep", "er"))).toBe(
    join(folder, "node_modules", "@s", "p"),
  );
  expect(await host.packageFolder("@s/none-of-this", folder)).toBeUndefined();
});

test("bundles", async () => {
  const bundle = join(folder, "bundle");
  await mkdir(join(bundle, "programs"), { recursive: true });
  const manifestFile = join(bundle, "specc-manifest.json");
  await expect(openBundle(bundle)).rejects.toThrow(/specc-manifest.json: no such file/);
  await writeFile(manifestFile, "{");
  await expect(openBundle(bundle)).rejects.toThrow(/not JSON/);
  await writeFile(manifestFile, '{"formatVersion":7}');
  await expect(openBundle(bundle)).rejects.toThrow(/format version 7; this runtime reads 1/);
  const module =
    "export const name = 'p'; export const run = () => 0; export const constants = () => [];\n";
  const manifest = toyManifest();
  const file = {
    path: "programs/p.js",
    bytes: module.length,
    sha256: createHash("sha256").update(module).digest("hex"),
  };
  await writeFile(
    manifestFile,
    JSON.stringify({
      ...manifest,
      engines: ["wasm"],
      programs: [{ ...manifest.programs[0], name: "p" }],
      files: [file],
    }),
  );
  await expect(openBundle(bundle)).rejects.toThrow(FileFault);
  await writeFile(join(bundle, "programs", "p.js"), module);
  expect((await openBundle(bundle, { verify: true })).programs["p"]?.name).toBe("p");
  await writeFile(join(bundle, "programs", "p.js"), `${module} `);
  await expect(openBundle(bundle, { verify: true })).rejects.toThrow(/changed since it was built/);
});
