// Catalogues of complaints, and what their types say: which names there are, and which arguments each message has places for.
// A name that no catalogue knows, and an argument that a message lacks or has no place for, are type errors.
import type { Details, Severity, Span } from "./types.ts";

export type Args = Readonly<Record<string, string | number>>;

/** One line of a catalogue; a feature brings its own. */
export interface DiagnosticEntry<Name extends string = string, Message extends string = string> {
  readonly code: string;
  readonly name: Name;
  readonly severity: Severity;
  /** `{arg}` placeholders. */
  readonly message: Message;
  /** Why this is wrong, one paragraph, for `specc explain`. */
  readonly why: string;
  readonly wrong: string;
  readonly right: string;
}

export const entry = <Name extends string, Message extends string>(
  code: number,
  name: Name,
  message: Message,
  why: string,
  wrong: string,
  right: string,
  severity: Severity = "error",
): DiagnosticEntry<Name, Message> => ({
  code: `SPC${code}`,
  name,
  severity,
  message,
  why,
  wrong,
  right,
});

type Places<Message extends string> = Message extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Places<Rest>
  : never;
/** What fills a message: a value for each of its places. Of a message that is not known, anything. */
export type ArgsOf<Message extends string> = string extends Message
  ? Args
  : [Places<Message>] extends [never]
    ? Readonly<Record<string, never>>
    : { readonly [Name in Places<Message>]: string | number };

/** What follows name and place of a complaint, by its name. */
export type Given<
  Entry extends DiagnosticEntry,
  More extends readonly unknown[] = [details?: Details],
> = {
  readonly [One in Entry as One["name"]]: [Places<One["message"]>] extends [never]
    ? [args?: ArgsOf<One["message"]>, ...more: More]
    : [args: ArgsOf<One["message"]>, ...more: More];
};

/** What a table's own check finds, by name: `at` is a path below the value that was checked. */
export type Complaint<Entry extends DiagnosticEntry = DiagnosticEntry> =
  Entry extends DiagnosticEntry<infer Name, infer Message>
    ? {
        readonly name: Name;
        readonly args: ArgsOf<Message>;
        /** Path below the checked value, for the place: "heads". */
        readonly at?: string;
        readonly details?: Details;
      }
    : never;

/** A complaint at its place, of whatever catalogue. */
export interface Found {
  readonly name: string;
  readonly at: Span;
  readonly args: Args;
  readonly details: Details;
}
