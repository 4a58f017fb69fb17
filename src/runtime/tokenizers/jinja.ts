// Jinja as Python has it, on the library's interpreter: what is printed is written as Python writes it, where the library writes
// JSON; and printing goes to a page, so that what a round of a loop has printed stays where the round is broken off.
import { Environment, Interpreter, Template } from "@huggingface/jinja";
import { equalInPython, pythonText, type Value } from "./python-text.ts";
import { strftime } from "./strftime.ts";

/** Of a parsed template. */
interface Node {
  readonly type: string;
  readonly [part: string]: unknown;
}
interface Scope {
  set(name: string, value: unknown): unknown;
}
/** What is used of it: its own types name files without endings, which Node's resolution does not find (0.5.11). */
type Base = new (environment: Scope) => {
  readonly global: Scope;
  run(program: Node): Value;
  evaluate(node: Node | undefined, scope: Scope): Value;
};
const BaseInterpreter = Interpreter as Base;
const createScope = Environment as new () => Scope;
const parsed = (source: string): Node => (new Template(source) as { readonly parsed: Node }).parsed;

const BODIES = ["body", "alternate", "defaultBlock"];
const STATEMENTS: ReadonlySet<string> = new Set([
  ..."Program Set If For Macro CallStatement FilterStatement Break Continue Comment".split(" "),
]);
/** Expressions that stand where statements do: they are printed. */
const printedIn = (node: Node, found = new Set<Node>()): ReadonlySet<Node> => {
  for (const statement of BODIES.flatMap((body) => (node[body] ?? []) as readonly Node[]))
    if (STATEMENTS.has(statement.type)) printedIn(statement, found);
    else found.add(statement);
  return found;
};

const capitalize = (text: string): string => {
  const [first = "", ...rest] = text;
  return first.toUpperCase() + rest.join("").toLowerCase();
};
type Changes = ReadonlyMap<string, (text: string) => string>;
const METHODS: Changes = new Map([
  ["capitalize", capitalize],
  ["title", (text) => text.replaceAll(/\p{Cased}+/gu, capitalize)],
]);
/** The filter begins words at white space, dashes and brackets alone. */
const FILTERS: Changes = new Map([
  ["capitalize", capitalize],
  ["title", (text) => text.replaceAll(/[^-\s({[<]+/g, capitalize)],
]);

/** Has arguments by name: join(attribute="role"). */
const isNamed = (filter: Node): boolean =>
  ((filter["args"] ?? []) as readonly Node[]).some(({ type }) => /^Keyword/.test(type));

class PythonInterpreter extends BaseInterpreter {
  readonly #printed: ReadonlySet<Node>;
  #page: string[] = [];

  constructor(environment: Scope, program: Node) {
    super(environment);
    this.#printed = printedIn(program);
  }

  /** What is printed meanwhile. */
  #capture(make: () => void): string {
    const before = this.#page;
    this.#page = [];
    try {
      make();
      return this.#page.join("");
    } finally {
      this.#page = before;
    }
  }
  #printedBy(body: unknown, scope: Scope): string {
    return this.#capture(() => super.evaluate({ type: "Program", body }, scope));
  }
  #literal(type: string, value: unknown, scope: Scope): Value {
    return super.evaluate({ type, value }, scope);
  }
  #text(text: string, scope: Scope): Value {
    return this.#literal("StringLiteral", text, scope);
  }
  #print(value: Value, scope: Scope): Value {
    this.#page.push(pythonText(value));
    return this.#text("", scope);
  }

  override evaluate(node: Node | undefined, scope: Scope): Value {
    const value = this.#value(node, scope);
    return node !== undefined && this.#printed.has(node) ? this.#print(value, scope) : value;
  }

  #value(node: Node | undefined, scope: Scope): Value {
    switch (node?.type) {
      case "Program":
        return this.#text(this.#printedBy(node["body"], scope), scope);
      case "CallExpression": {
        // What a macro prints is its value.
        let value: Value | undefined;
        const text = this.#capture(() => (value = this.#call(node, scope)));
        return text === "" ? value! : this.#text(text, scope);
      }
      case "Set": {
        if (node["value"]) return super.evaluate(node, scope);
        const value = { type: "StringLiteral", value: this.#printedBy(node["body"], scope) };
        return super.evaluate({ ...node, value }, scope);
      }
      case "FilterStatement": {
        const operand = { type: "StringLiteral", value: this.#printedBy(node["body"], scope) };
        const filter = node["filter"];
        return this.#print(
          super.evaluate({ type: "FilterExpression", operand, filter }, scope),
          scope,
        );
      }
      case "BinaryExpression":
        return this.#binary(node, scope);
      case "FilterExpression":
        return this.#filter(node, scope);
      default:
        return super.evaluate(node, scope);
    }
  }

  /** A method of text, or a call of anything else. */
  #call(node: Node, scope: Scope): Value {
    const { object, property } = node["callee"] as Node;
    const change = METHODS.get(String((property as Node | undefined)?.["value"]));
    const text = change && this.evaluate(object as Node, scope).value;
    return change !== undefined && typeof text === "string"
      ? this.#text(change(text), scope)
      : super.evaluate(node, scope);
  }

  #filter(node: Node, scope: Scope): Value {
    const filter = node["filter"] as Node;
    const name = String(((filter["callee"] ?? filter) as Node)["value"]);
    const change = FILTERS.get(name);
    if (change === undefined && !["join", "length", "count"].includes(name))
      return super.evaluate(node, scope);
    const { value: given } = this.evaluate(node["operand"] as Node, scope);
    if (typeof given === "string" && change !== undefined) return this.#text(change(given), scope);
    // Signs, not the halves of surrogate pairs.
    const items = typeof given === "string" ? [...given] : given;
    if (name !== "join" && Array.isArray(items))
      return this.#literal("IntegerLiteral", items.length, scope);
    if (name !== "join" || !Array.isArray(items) || isNamed(filter))
      return super.evaluate(node, scope);
    const value = items.map((item: string | Value) => ({
      type: "StringLiteral",
      value: typeof item === "string" ? item : pythonText(item),
    }));
    return super.evaluate({ ...node, operand: { type: "ArrayLiteral", value } }, scope);
  }

  #binary(node: Node, scope: Scope): Value {
    const operator = (node["operator"] as { readonly value: string }).value;
    if (!["==", "!=", "~", "%", "/", "//"].includes(operator)) return super.evaluate(node, scope);
    const [left, right] = [node["left"], node["right"]].map((side) =>
      this.evaluate(side as Node, scope),
    ) as [Value, Value];
    if (operator === "~") return this.#text(pythonText(left) + pythonText(right), scope);
    if (operator === "==" || operator === "!=") {
      const holds = equalInPython(left, right) === (operator === "==");
      return this.#literal("Identifier", String(holds), this.global);
    }
    const [a, b] = [left.value, right.value];
    if (typeof a !== "number" || typeof b !== "number") return super.evaluate(node, scope);
    if (b === 0) throw new Error("division by zero");
    const isWhole = left.type === "IntegerValue" && right.type === "IntegerValue";
    const type = isWhole && operator !== "/" ? "IntegerLiteral" : "FloatLiteral";
    const quotient = Math.floor(a / b);
    const result = { "/": a / b, "//": quotient, "%": a - b * quotient }[operator];
    return this.#literal(type, result, scope);
  }
}

const range = (...given: readonly unknown[]): readonly number[] => {
  const [a = 0, b, step = 1] = given.filter((x) => typeof x === "number");
  const [start, stop] = b === undefined ? [0, a] : [a, b];
  if (step === 0) throw new Error("range() arg 3 must not be zero");
  const length = Math.max(0, Math.ceil((stop - start) / step));
  return Array.from({ length }, (_, i) => start + i * step);
};

/** @param now for `strftime_now` */
export const renderTemplate = (
  source: string,
  variables: Readonly<Record<string, unknown>>,
  now: Date,
): string => {
  const environment = new createScope();
  const globals = {
    ...{ true: true, false: false, none: null, True: true, False: false, None: null, range },
    strftime_now: (format: string) => strftime(now, format),
    raise_exception: (reason: string) => {
      throw new Error(reason);
    },
    ...variables,
  };
  for (const [name, value] of Object.entries(globals)) environment.set(name, value);
  const program = parsed(source);
  return String(new PythonInterpreter(environment, program).run(program).value);
};
