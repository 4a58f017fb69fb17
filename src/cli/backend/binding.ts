// tfjs-node's binding: the prebuilt one that specc's package ships, else compiled from the sources in tfjs-node's own package.
// One binary fits every TensorFlow from 2.12 on and every Node from 20 on: it speaks TensorFlow's C API and Node-API 8.
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { CliError } from "../errors.ts";
import { packageRoot } from "../files.ts";
import { complaintOf, run, type Surroundings } from "./child.ts";

export const BINDING_FILE = "tfjs_binding.node";

/** Built by scripts/build-binding.mjs when specc is packed; a clone of the repository has none. */
export const prebuiltBinding = (root = packageRoot()): string | undefined => {
  const path = join(root, "prebuilt", `${process.platform}-${process.arch}`, BINDING_FILE);
  return existsSync(path) ? path : undefined;
};

export const findCompiler = async (around: Surroundings): Promise<string | undefined> => {
  for (const command of [around.env["CXX"] ?? "", "g++", "c++", "clang++"]) {
    if (command !== "" && (await run(command, ["--version"], around)).code === 0) return command;
  }
  return undefined;
};

/** With node_api.h: beside Node itself, else the package node-api-headers. */
const nodeHeaders = (): string | undefined => {
  const beside = join(dirname(process.execPath), "..", "include", "node");
  if (existsSync(join(beside, "node_api.h"))) return beside;
  try {
    const found = createRequire(import.meta.url).resolve("node-api-headers/package.json");
    return join(dirname(found), "include");
  } catch {
    return undefined;
  }
};

/**
 * GCC 11 and newer call this function for `new T[n]`, and libstdc++ has it only from GLIBCXX 3.4.29 on. Defined here, hidden,
 * the binding runs on systems of 2014 (GLIBC 2.14, GLIBCXX 3.4.21).
 */
const PORTABLE = `#include <new>
namespace std {
__attribute__((visibility("hidden"), noreturn)) void __throw_bad_array_new_length() {
  throw bad_array_new_length();
}
}
`;

export interface CompileBinding {
  readonly compiler: string;
  /** The tfjs-node(-gpu) package. */
  readonly javascript: string;
  /** TensorFlow's headers. */
  readonly include: string;
  /** With the two libraries. */
  readonly lib: string;
  readonly scratch: string;
  readonly out: string;
  readonly around: Surroundings;
}

/** 5 to 10 s. */
export const compileBinding = async (given: CompileBinding): Promise<void> => {
  const { compiler, javascript, include, lib, scratch, out, around } = given;
  const headers = nodeHeaders();
  if (headers === undefined)
    throw new CliError(
      "Node's headers (node_api.h) are missing, and the binding must be compiled",
      ["try: npm install --save-dev node-api-headers"],
      1,
    );
  const portable = join(scratch, "portable.cc");
  await writeFile(portable, PORTABLE);
  const sources = ["tfjs_backend.cc", "tfjs_binding.cc"].map((name) =>
    join(javascript, "binding", name),
  );
  const ended = await run(
    compiler,
    [
      ...["-std=c++17", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-DNAPI_VERSION=8", "-w"],
      ...[`-I${headers}`, `-I${include}`, ...sources, portable],
      ...["-o", out, `-L${lib}`, "-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2"],
      "-Wl,-s",
    ],
    around,
    { env: { TMPDIR: scratch } },
  );
  if (ended.code !== 0)
    throw new CliError(`${compiler} could not compile the binding: ${complaintOf(ended)}`, [], 1);
};
