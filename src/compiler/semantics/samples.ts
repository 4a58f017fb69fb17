// A value for a place, as source text: what fixes insert where something is missing. People replace it; it only has to fit.
import type { Constructor, Key, Type, Vocabulary } from "./schema.ts";
import { showNumber } from "./values.ts";

export const sampleOf = (type: Type, vocabulary: Vocabulary): string => {
  switch (type.kind) {
    case "int":
      return String(type.min ?? 1);
    case "float":
      return "0.1";
    case "bool":
      return "true";
    case "string":
      return '"text"';
    case "quantity": {
      const unit = type.units.find((u) => u !== "%") ?? "%";
      return unit === "%" ? "10%" : showNumber(100, unit);
    }
    case "sum": {
      const first = vocabulary.constructors.find(({ of }) => of === type.name);
      return first === undefined ? type.name : callOf(first, vocabulary);
    }
    case "list":
      return `[${Array.from({ length: type.length ?? 1 }, () => sampleOf(type.of, vocabulary)).join(", ")}]`;
    case "range":
      return `${sampleOf(type.of, vocabulary)} .. ${sampleOf(type.of, vocabulary)}`;
    case "word":
      return type.words[0]?.name ?? "";
  }
};

/** `heads: 4, kv: 2`. */
export const argumentsOf = (keys: readonly Key[], vocabulary: Vocabulary): string =>
  keys.map((key) => `${key.name}: ${valueOf(key, vocabulary)}`).join(", ");

export const valueOf = (key: Key, vocabulary: Vocabulary): string =>
  key.example ?? key.default ?? sampleOf(key.type, vocabulary);

const callOf = ({ name, keys }: Constructor, vocabulary: Vocabulary): string => {
  const due = keys.filter((key) => key.default === undefined);
  return due.length === 0 ? name : `${name}(${argumentsOf(due, vocabulary)})`;
};
