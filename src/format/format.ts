// Formats one file for the command line and editors. A file with syntax errors is left as it is.
import { format } from "prettier/standalone";
import type { Diagnostic, Source } from "../compiler/diagnostics/types.ts";
import { parse } from "../compiler/syntax/parse.ts";
import * as plugin from "./plugin.ts";

export type Formatted =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[]; readonly source: Source };

export async function formatSource(text: string, path = "input.arch"): Promise<Formatted> {
  const source: Source = { id: 0, path, text };
  const { diagnostics } = parse(source);
  if (diagnostics.some(({ severity }) => severity === "error"))
    return { ok: false, diagnostics, source };
  const plain = text.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n");
  return {
    ok: true,
    text: await format(plain, { parser: "arch", plugins: [plugin], ...plugin.defaultOptions }),
  };
}
