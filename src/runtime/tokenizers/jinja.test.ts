// Templates where no reference is asked: what depends on the day, and what is refused. The rest is in test/parity/chat.test.ts.
import { expect, test } from "vitest";
import { renderTemplate } from "./jinja.ts";

const now = new Date(2026, 1, 3, 14, 5, 9);
const render = (source: string): string => renderTemplate(source, {}, now);

test("dates are written as in Python's own locale", () => {
  const format = "%a %A %b %B %d %-d %H %I %-I %m %-m %M %p %S %w %y %Y 100%%";
  expect(render(`{{ strftime_now('${format}') }}`)).toBe(
    "Tue Tuesday Feb February 03 3 14 02 2 02 2 05 PM 09 2 26 2026 100%",
  );
});
test.each([
  ["{{ strftime_now('%Q') }}", "strftime_now does not know %Q"],
  ["{{ namespace() }}", "a namespace cannot be printed"],
  ["{{ range }}", "a function cannot be printed"],
  ["{{ 1 // 0 }}", "division by zero"],
  ["{{ range(1, 2, 0) }}", "range() arg 3 must not be zero"],
  ["{{ raise_exception('no') }}", "no"],
])("%s is refused", (source, message) => {
  expect(() => render(source)).toThrow(message);
});
test("names that every object has are no filters or methods", () => {
  expect(() => render("{{ 'a'.constructor() }}")).toThrow("not a function");
  expect(() => render("{{ 'a' | toString }}")).toThrow("filter: toString");
});
test("ranges", () => {
  expect(render("{{ [range(3), range(1, 3), range(5, 0, -2)] }}")).toBe(
    "[[0, 1, 2], [1, 2], [5, 3, 1]]",
  );
});
