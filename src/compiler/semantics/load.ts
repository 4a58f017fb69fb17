// The files of a compilation: the entry and what it imports, parsed once each, their names bound across files.
import { automatic, suggestion } from "../diagnostics/fix.ts";
import type { Details, Diagnostic, Source, Span } from "../diagnostics/types.ts";
import type { Decl, FileAst, ImportDecl, Name } from "../syntax/ast.ts";
import { parse } from "../syntax/parse.ts";
import type { Binding, Module, Report } from "./context.ts";
import { didYouMean } from "./did-you-mean.ts";

export interface FileLoader {
  /** undefined: there is no such file; a fault: there is one that cannot be read. */
  read(path: string): string | { readonly fault: string } | undefined;
  resolveImport(from: string, spec: string): { readonly path: string } | { readonly fault: string };
}

interface Draft extends Module {
  readonly names: Map<string, Binding>;
  readonly exports: Map<string, Binding>;
}

export interface Loaded {
  readonly entry: Module | Unread;
  /** Imported files first. */
  readonly modules: readonly Module[];
  readonly sources: readonly Source[];
  readonly syntax: readonly Diagnostic[];
}

/** Why there is no text: a reason of the loader, or no such file. */
export interface Unread {
  readonly fault: string | undefined;
}

const LONGEST_IMPORT_CHAIN = 100;
export const EDITION = 1;

export const loadFiles = (entry: string, files: FileLoader, report: Report): Loaded => {
  const sources: Source[] = [];
  const syntax: Diagnostic[] = [];
  const done = new Map<string, Draft>();
  const order: Module[] = [];
  const open: string[] = [];

  const load = (path: string): Draft | Unread => {
    const known = done.get(path);
    if (known !== undefined) return known;
    const text = files.read(path);
    if (typeof text !== "string") return { fault: text?.fault };
    const source: Source = { id: sources.length, path, text };
    sources.push(source);
    const { ast, diagnostics } = parse(source);
    syntax.push(...diagnostics);
    const draft: Draft = {
      source,
      ast,
      names: new Map(),
      exports: new Map(),
      broken: diagnostics.some((d) => d.severity === "error"),
    };
    done.set(path, draft);
    open.push(path);
    if (!draft.broken) checkHead(ast, report);
    checkEdition(ast, report);
    bindOwn(draft, report);
    for (const decl of ast.decls) if (decl.kind === "import") bindImport(draft, decl);
    open.pop();
    order.push(draft);
    return draft;
  };

  const target = (draft: Draft, decl: ImportDecl): Draft | undefined => {
    const spec = decl.from.value;
    const found = files.resolveImport(draft.source.path, spec);
    if ("fault" in found) {
      report("import-fault", decl.from.span, { file: spec, fault: found.fault });
      return undefined;
    }
    if (open.includes(found.path)) {
      const cycle = [...open.slice(open.indexOf(found.path)), found.path].join(" → ");
      report("import-cycle", decl.from.span, { cycle });
      return undefined;
    }
    if (open.length >= LONGEST_IMPORT_CHAIN) {
      report("chain-too-long", decl.from.span, { what: "imports", limit: LONGEST_IMPORT_CHAIN });
      return undefined;
    }
    const loaded = load(found.path);
    if (!("fault" in loaded)) return loaded;
    if (loaded.fault !== undefined)
      report("import-fault", decl.from.span, { file: spec, fault: loaded.fault });
    else
      report(
        "import-missing-file",
        decl.from.span,
        { file: spec, path: found.path },
        typeof files.read(`${found.path}.arch`) === "string" ? withExtension(decl.from) : {},
      );
    return undefined;
  };

  const bindImport = (draft: Draft, decl: ImportDecl): void => {
    const from = target(draft, decl);
    for (const { name, as } of decl.names) {
      const local = as ?? name;
      const binding = from === undefined ? broken : exported(from, name, decl, report);
      if (!draft.names.has(local.text)) draft.names.set(local.text, binding);
      if (decl.exported) draft.exports.set(local.text, binding);
    }
  };

  return { entry: load(entry), modules: order, sources, syntax };
};

const withExtension = ({ value, span }: ImportDecl["from"]): Details => ({
  help: [`write "${value}.arch"`],
  ...suggestion(`Write "${value}.arch"`, span, JSON.stringify(`${value}.arch`)),
});

const broken: Binding = { kind: "broken" };

const exported = (from: Draft, name: Name, decl: ImportDecl, report: Report): Binding => {
  const found = from.exports.get(name.text);
  if (found !== undefined) return found;
  const file = decl.from.value;
  const hidden = from.names.get(name.text);
  if (hidden !== undefined) {
    const at = hidden.kind === "broken" ? undefined : hidden.decl.name.span;
    const start = hidden.kind === "broken" ? 0 : hidden.decl.span.start;
    report(
      "import-not-exported",
      name.span,
      { name: name.text, file },
      {
        help: [`write \`export\` before ${name.text} in ${file}`],
        ...(at && { notes: [{ at, text: "declared here" }] }),
        ...(at && suggestion(`Export ${name.text}`, { ...at, start, end: start }, "export ")),
      },
    );
  } else if (!from.broken) {
    const names = [...from.exports.keys()];
    report("import-missing-name", name.span, { name: name.text, file }, didYouMean(name, names));
  }
  return broken;
};

const nameOf = (decl: Exclude<Decl, ImportDecl>): Name => decl.name;

const bindOwn = (draft: Draft, report: Report): void => {
  const places = new Map<string, Span>();
  const taken = (name: Name): boolean => {
    const first = places.get(name.text);
    if (first === undefined) {
      places.set(name.text, name.span);
      return false;
    }
    const notes = [{ at: first, text: "first declared here" }];
    report("duplicate-declaration", name.span, { name: name.text }, { notes });
    return true;
  };
  for (const decl of draft.ast.decls) {
    if (decl.kind === "import") {
      for (const { name, as } of decl.names) taken(as ?? name);
      continue;
    }
    const name = nameOf(decl);
    if (name.text === "" || taken(name)) continue;
    const binding: Binding =
      decl.kind === "let"
        ? { kind: "let", decl, module: draft }
        : { kind: "definition", decl, module: draft };
    draft.names.set(name.text, binding);
    if (decl.exported) draft.exports.set(name.text, binding);
  }
};

/** A file that declares nothing, or does not say how it is to be read. */
const checkHead = ({ source, decls, edition }: FileAst, report: Report): void => {
  const start = source.text.startsWith("\uFEFF") ? 1 : 0;
  const at = { file: source.id, start, end: start };
  if (decls.length === 0) report("empty-file", at, { path: source.path });
  else if (edition === undefined)
    report(
      "missing-edition",
      at,
      { known: EDITION },
      automatic(`Insert \`spec ${EDITION}\``, at, `spec ${EDITION}\n\n`),
    );
};

const checkEdition = (ast: FileAst, report: Report): void => {
  const { edition } = ast;
  if (edition !== undefined && edition.value !== EDITION)
    report(
      "unknown-edition",
      edition.span,
      { edition: edition.text, known: EDITION },
      {
        help:
          edition.value > EDITION
            ? ["install a later compiler: npm install specc@latest", `or write \`spec ${EDITION}\``]
            : [`write \`spec ${EDITION}\``],
      },
    );
};
