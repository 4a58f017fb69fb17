// The Prettier plugin: our parser, our printer. Comments are placed by the printer itself, so Prettier sees none.
import type { Parser, Plugin, Printer, SupportLanguage } from "prettier";
import type { FileAst } from "../compiler/syntax/ast.ts";
import { parse } from "../compiler/syntax/parse.ts";
import { printFile } from "./printer.ts";

export const languages: SupportLanguage[] = [
  {
    name: "specc",
    parsers: ["arch"],
    extensions: [".arch"],
    vscodeLanguageIds: ["arch"],
  },
];

/** Prettier takes `comments` off the root it is given; below it they stay. */
interface Root {
  readonly file: FileAst;
}

const parser: Parser<Root> = {
  parse: (text) => {
    const { ast, diagnostics } = parse({ id: 0, path: "input.arch", text });
    const error = diagnostics.find(({ severity }) => severity === "error");
    if (error !== undefined) throw new SyntaxError(`${error.code}: ${error.message}`);
    return { file: ast };
  },
  astFormat: "arch-ast",
  locStart: ({ file }) => file.span.start,
  locEnd: ({ file }) => file.span.end,
  hasPragma: () => false,
};
export const parsers: NonNullable<Plugin["parsers"]> = { arch: parser };

const printer: Printer<Root> = {
  print: (path) => printFile(path.node.file),
  getVisitorKeys: () => [],
};
export const printers: NonNullable<Plugin["printers"]> = { "arch-ast": printer };

/** There is one style. */
export const options: NonNullable<Plugin["options"]> = {};
export const defaultOptions: NonNullable<Plugin["defaultOptions"]> = {
  printWidth: 100,
  tabWidth: 2,
};
