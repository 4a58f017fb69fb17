// Values of a template as Python writes and compares them.

/** As the interpreter has them. */
export interface Value {
  readonly type: string;
  readonly value: unknown;
}

const ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
const escaped = (sign: string): string => {
  const code = sign.codePointAt(0)!;
  const hex = code.toString(16);
  if (code < 256) return `\\x${hex.padStart(2, "0")}`;
  return code < 65536 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
};
const quoted = (text: string): string => {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inner = text
    .replaceAll(/\\|'/g, (sign) => (sign === "'" && quote === '"' ? sign : `\\${sign}`))
    .replaceAll(/(?! )[\p{C}\p{Z}]/gu, (sign) => ESCAPES[sign] ?? escaped(sign));
  return quote + inner + quote;
};

const floatText = (x: number): string => {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x < 0 ? "-inf" : "inf";
  const size = Math.abs(x);
  if (size !== 0 && (size < 1e-4 || size >= 1e16))
    return x.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
  const text = Object.is(x, -0) ? "-0" : String(x);
  return text.includes(".") ? text : `${text}.0`;
};

const itemsOf = ({ value }: Value): readonly Value[] =>
  value instanceof Map ? [...(value.values() as Iterable<Value>)] : (value as readonly Value[]);

/** repr() */
const inside = (value: Value): string => {
  switch (value.type) {
    case "StringValue":
      return quoted(String(value.value));
    case "ArrayValue":
      return `[${itemsOf(value).map(inside).join(", ")}]`;
    case "TupleValue": {
      const items = itemsOf(value).map(inside);
      return `(${items.join(", ")}${items.length === 1 ? "," : ""})`;
    }
    case "ObjectValue": {
      const keys = [...(value.value as ReadonlyMap<string, unknown>).keys()];
      return `{${itemsOf(value)
        .map((item, i) => `${quoted(keys[i]!)}: ${inside(item)}`)
        .join(", ")}}`;
    }
    case "UndefinedValue":
      return "Undefined";
    default:
      return pythonText(value);
  }
};

/** str() */
export const pythonText = (value: Value): string => {
  switch (value.type) {
    case "StringValue":
    case "IntegerValue":
      return String(value.value);
    case "FloatValue":
      return floatText(Number(value.value));
    case "BooleanValue":
      return value.value === true ? "True" : "False";
    case "NullValue":
      return "None";
    case "UndefinedValue":
      return "";
    case "ArrayValue":
    case "TupleValue":
    case "ObjectValue":
      return inside(value);
    default:
      throw new Error(`a ${value.type.replace("Value", "").toLowerCase()} cannot be printed`);
  }
};

/** Numbers and truth values compare by what they count. */
const plain = ({ value }: Value): unknown => (typeof value === "boolean" ? Number(value) : value);
export const equalInPython = (a: Value, b: Value): boolean => {
  if (a.value instanceof Map && b.value instanceof Map) {
    const [left, right] = [a.value, b.value] as [
      ReadonlyMap<string, Value>,
      ReadonlyMap<string, Value>,
    ];
    return (
      left.size === right.size &&
      [...left].every(([key, item]) => right.has(key) && equalInPython(item, right.get(key)!))
    );
  }
  if (Array.isArray(a.value) && Array.isArray(b.value)) {
    const [left, right] = [itemsOf(a), itemsOf(b)];
    const alike = a.type === b.type && left.length === right.length;
    return alike && left.every((item, i) => equalInPython(item, right[i]!));
  }
  return plain(a) === plain(b);
};
