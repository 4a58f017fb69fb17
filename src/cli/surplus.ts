// What a command is given beyond the arguments that it takes: said with the option that was probably meant.
import type { Command } from "commander";
import { quoted } from "./called.ts";

/** By command: the option that such a word belongs to. */
const MEANT: Readonly<Record<string, string>> = { generate: "--prompt" };

export const refuseSurplus = (program: Command): Command =>
  program.allowExcessArguments(true).hook("preAction", (_program, command) => {
    const { args, registeredArguments: taken } = command;
    if (taken.at(-1)?.variadic === true) return;
    const [surplus] = args.slice(taken.length);
    if (surplus === undefined) return;
    const name = command.name();
    const option = MEANT[name];
    const does = taken.length === 0 ? "takes no argument" : `takes one argument, ${args[0] ?? ""}`;
    command.error(
      `error: ${name} ${does}; ${quoted(surplus)} is one too many${option === undefined ? "" : `\n  write ${option} ${quoted(surplus)}`}`,
    );
  });
