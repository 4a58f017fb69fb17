// Dates as Python's strftime writes them in its own locale, C.
const MONTHS =
  "January February March April May June July August September October November December".split(
    " ",
  );
const DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");

const two = (n: number): string => String(n).padStart(2, "0");
const DIRECTIVES: Readonly<Record<string, (date: Date) => string>> = {
  "%": () => "%",
  a: (date) => DAYS[date.getDay()]!.slice(0, 3),
  A: (date) => DAYS[date.getDay()]!,
  b: (date) => MONTHS[date.getMonth()]!.slice(0, 3),
  B: (date) => MONTHS[date.getMonth()]!,
  d: (date) => two(date.getDate()),
  H: (date) => two(date.getHours()),
  I: (date) => two(date.getHours() % 12 || 12),
  m: (date) => two(date.getMonth() + 1),
  M: (date) => two(date.getMinutes()),
  p: (date) => (date.getHours() < 12 ? "AM" : "PM"),
  S: (date) => two(date.getSeconds()),
  w: (date) => String(date.getDay()),
  y: (date) => two(date.getFullYear() % 100),
  Y: (date) => String(date.getFullYear()),
  // Of glibc: without a zero before.
  "-d": (date) => String(date.getDate()),
  "-m": (date) => String(date.getMonth() + 1),
  "-I": (date) => String(date.getHours() % 12 || 12),
  "-H": (date) => String(date.getHours()),
};

export const strftime = (date: Date, format: string): string =>
  format.replaceAll(/%(-?[\s\S])/g, (directive, name: string) => {
    const write = DIRECTIVES[name];
    if (write === undefined) throw new Error(`strftime_now does not know ${directive}`);
    return write(date);
  });
