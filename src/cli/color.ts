// Whether to colour: the option first, then NO_COLOR and FORCE_COLOR (no-color.org), then what the terminal can do.
import pc from "picocolors";
import type { Io } from "./io.ts";

export type ColorOption = "auto" | "always" | "never" | boolean;
export type Paint = ReturnType<typeof pc.createColors>;

export const wantsColor = (
  io: Io,
  option: ColorOption | undefined,
  stream: "out" | "err",
): boolean => {
  if (option === "always" || option === true) return true;
  if (option === "never" || option === false) return false;
  if ((io.env["NO_COLOR"] ?? "") !== "") return false;
  const forced = io.env["FORCE_COLOR"];
  if (forced !== undefined) return forced !== "0" && forced !== "false";
  return io.terminal[stream] && io.env["TERM"] !== "dumb";
};

/** Box-drawing characters and arrows: a terminal that does not speak UTF-8 gets ASCII. */
export const wantsUnicode = (io: Io): boolean => {
  const locale = io.env["LC_ALL"] ?? io.env["LC_CTYPE"] ?? io.env["LANG"] ?? "";
  if (locale === "") return io.terminal.err;
  return /utf-?8/i.test(locale);
};

export const painter = (enabled: boolean): Paint => pc.createColors(enabled);
