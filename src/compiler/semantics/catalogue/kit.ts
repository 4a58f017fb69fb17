// One line of a catalogue. `wrong` and `right` stand below `import { Base, Train } from "./base.arch"`: a small model and a
// recipe for it, so that examples show only what matters. The golden tests check that each does what it says.
import type { DiagnosticEntry } from "../schema.ts";

export const entry = (
  code: number,
  name: string,
  message: string,
  why: string,
  wrong: string,
  right: string,
  severity: DiagnosticEntry["severity"] = "error",
): DiagnosticEntry => ({ code: `SPC${code}`, name, severity, message, why, wrong, right });
