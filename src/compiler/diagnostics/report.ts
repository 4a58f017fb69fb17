// Collects diagnostics: looks a name up in the catalogue and fills its template. A name or argument that the catalogue
// does not know is a mistake in the compiler.
import type { DiagnosticEntry, Found } from "./entry.ts";
import { InternalError, type Diagnostic } from "./types.ts";

/** What users wrote may be of any length. */
const LONGEST = 120;
const clipped = (text: string): string =>
  text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;

export class Reporter {
  private readonly entries: ReadonlyMap<string, DiagnosticEntry>;
  private readonly found: Diagnostic[] = [];
  private readonly seen = new Set<string>();

  constructor(entries: readonly DiagnosticEntry[]) {
    this.entries = new Map(entries.map((entry) => [entry.name, entry]));
  }

  report({ name, at, args, details }: Found): void {
    const entry = this.entries.get(name);
    if (entry === undefined) throw new InternalError(`no diagnostic is called "${name}"`);
    const message = entry.message.replace(/\{(\w+)\}/g, (_, key: string) => {
      const value = args[key];
      if (value === undefined) throw new InternalError(`diagnostic "${name}" needs "${key}"`);
      return clipped(String(value));
    });
    const key = [name, at.file, at.start, at.end, message].join("|");
    if (this.seen.has(key)) return;
    this.seen.add(key);
    this.found.push({
      code: entry.code,
      name,
      severity: entry.severity,
      message,
      at,
      ...(details.label === undefined ? {} : { label: details.label }),
      notes: details.notes ?? [],
      help: details.help ?? [],
      fixes: details.fixes ?? [],
    });
  }

  get diagnostics(): readonly Diagnostic[] {
    return this.found;
  }

  get errorCount(): number {
    return this.found.filter(({ severity }) => severity === "error").length;
  }
}
