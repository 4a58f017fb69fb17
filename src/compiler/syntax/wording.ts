// What the parser's first error says to people. It knows which rule was left and at which token; readings of what stands around
// that place tell what was probably meant.
import type { IRecognitionException, IToken } from "chevrotain";
import * as t from "../../../grammar/tokens.ts";
import { firstOnLine, is, isKind, starInWord } from "./gates.ts";
import type { Place, Worded } from "./problems.ts";

const reserved = [t.If, t.Then, t.Else, t.And, t.Or, t.Not, t.True, t.False, t.Export];
const valueRules = new Set(["value", "logic", "all", "test", "sum", "product", "unary", "primary"]);

/** What stands there, for "found …". */
function shown(token: IToken): string {
  if (token.tokenType.name === "EOF" || token.image === "") return "the end of the file";
  const image = token.image.length > 24 ? `${token.image.slice(0, 23)}…` : token.image;
  return `\`${image}\``;
}

/** What rules wait for, when nothing more exact is known. */
const wanted: Readonly<Record<string, string>> = {
  body: "a setting, a rule or `}`",
  segment: "a name, `*` or `**`",
  file: "a declaration such as `model M { … }`",
  decl: "a declaration such as `model M { … }`",
  args: "`,` or `)`",
  arg: "`,` or `)`",
  params: "a parameter or `)`",
  param: "`:` and a type",
  list: "`,` or `]`",
  item: "`,` or `]`",
  type: "a type",
  let: "a name and `=`",
  imported: "a name",
  definition: "a name and `{`",
  reference: "a name",
};

const dueInImport = (previous: IToken | undefined): string => {
  switch (previous?.image) {
    case "import":
      return "`{` and names";
    case "}":
      return '`from "file.arch"`';
    case "from":
      return "a file in quotes";
    default:
      return "a name, `,` or `}`";
  }
};

/** Where the parser stopped: token `at` of these, and whether that is before the `{` of a declaration. */
export interface Stop {
  readonly tokens: readonly IToken[];
  readonly at: number;
  readonly inHeader: boolean;
}

/** The same, with what readings look at. */
interface Scene extends Stop {
  /** The innermost rule that was open. */
  readonly rule: string;
  readonly token: IToken;
  readonly previous: IToken | undefined;
  readonly before: IToken | undefined;
  /** The file ends here, or a new line begins where the old one is not complete. */
  readonly apart: boolean;
  /** Of the complaint, when no reading knows a better one. */
  readonly place: Place;
}
/** A complaint, where this is what was meant. */
type Reading = (scene: Scene) => Worded | undefined;

const sceneOf = ({ token, context }: IRecognitionException, stop: Stop): Scene => {
  const { tokens, at } = stop;
  const previous = tokens[at - 1];
  const rule = context.ruleStack.at(-1) ?? "file";
  const atEnd = token.tokenType.name === "EOF" || token.image === "";
  // Between entries nothing is missing: the token itself is what cannot stand there.
  const between = rule === "body" || rule === "file" || rule === "decl";
  const apart = atEnd || (!between && (previous?.endLine ?? 0) < (token.startLine ?? 0));
  const place: Place =
    previous !== undefined && apart
      ? { at: previous, after: true }
      : { at: atEnd ? (previous ?? token) : token };
  return { ...stop, rule, token, previous, before: tokens[at - 2], apart, place };
};

const expected = ({ place, token }: Scene, what: string): Worded => [
  "unexpected",
  place,
  { expected: what, found: shown(token) },
];

const misplacedEdition: Reading = ({ previous, rule }) =>
  previous?.image === "spec" && rule === "definition"
    ? ["misplaced-edition", { at: previous }]
    : undefined;

/** `spec`, `spec: 1`, `spec1`. */
const edition: Reading = ({ token, previous, rule, apart }) => {
  if (rule !== "definition" || previous === undefined) return undefined;
  const glued = /^spec\d+$/.test(previous.image);
  if (!glued && (previous.image !== "spec" || is(token, t.NumberToken))) return undefined;
  const alone = glued || apart;
  const place: Place = alone ? { at: previous } : { at: previous, to: token };
  return ["unexpected", place, { expected: "`spec 1`", found: shown(alone ? previous : token) }];
};

/** `Small {`: a name without the kind before it. */
const kindless: Reading = ({ tokens, at, token, previous, before, rule }) => {
  if (rule !== "definition" || !is(token, t.LCurly) || previous === undefined) return undefined;
  const begins = firstOnLine(tokens, at - 1) || is(before, t.Export);
  if (!begins || isKind(previous)) return undefined;
  const expected = `a declaration such as \`model ${previous.image} { … }\``;
  return ["unexpected", { at: previous }, { expected, found: shown(previous) }];
};

/** `width = 64` outside of any declaration. */
const bareLet: Reading = ({ rule, token, previous }) =>
  rule === "definition" && is(token, t.Equals) && previous !== undefined
    ? [
        "unexpected",
        { at: previous },
        { expected: `a declaration such as \`let ${previous.image} = …\``, found: shown(previous) },
      ]
    : undefined;

/** `model {`, `model extends Base {`, `model "M" {`: the kind, whose name is missing. */
const nameless = ({ tokens, at, before, previous }: Scene): IToken | undefined => {
  const token = tokens[at];
  if (is(previous, t.Kind) && isKind(previous) && !is(token, t.Name, ...reserved)) return previous;
  const word = is(previous, t.Extends, t.For) && is(token, t.Name);
  return word && is(before, t.Kind) && isKind(before) ? before : undefined;
};

const missingName: Reading = (scene) => {
  const kind = nameless(scene);
  if (kind === undefined) return undefined;
  const better = `${kind.image} Name`;
  return ["missing-name", { at: kind, after: true }, { word: kind.image, better }];
};

/** `exprot model M {`, `abstract model M {`: a word before the kind. */
const wordBefore: Reading = (scene) => {
  const { inHeader, previous, before, token } = scene;
  if (
    !inHeader ||
    !isKind(previous) ||
    before === undefined ||
    isKind(before) ||
    !is(token, t.Name)
  )
    return undefined;
  const kind = previous?.image ?? "";
  const what = `\`${kind}\` or \`export ${kind}\``;
  return ["unexpected", { at: before }, { expected: what, found: shown(before) }];
};

const header: Reading = (scene) =>
  scene.inHeader && scene.rule === "body"
    ? expected(
        scene,
        scene.before?.image === "extends" ? "`for` or `{`" : "`(`, `extends`, `for` or `{`",
      )
    : undefined;

/** `heads 1 => …`, `q k => …`: a selector read as a setting. */
const selector: Reading = ({ rule, token, previous, before }) => {
  if (rule !== "setting" || !is(token, t.Arrow) || previous === undefined) return undefined;
  if (before === undefined || !is(before, t.Name)) return undefined;
  const better = `${before.image}[${previous.image}]`;
  return is(previous, t.NumberToken)
    ? ["index-form", { at: before, to: previous, write: better }, { better }]
    : ["missing-comma", { at: before, after: true, insert: "," }];
};

const starOfWord: Reading = ({ tokens, at, inHeader }) => {
  const star = inHeader ? undefined : starInWord(tokens, at);
  return star && ["star-in-word", { at: star }, { star: star.image }];
};

const power: Reading = ({ token, previous, before }) => {
  const operand = (one: IToken | undefined): boolean =>
    is(one, t.Name, t.NumberToken, t.Unit, t.RParen);
  if (is(token, t.DoubleStar) && operand(previous)) return ["power-sign", { at: token }];
  if (previous !== undefined && is(previous, t.DoubleStar) && operand(before))
    return ["power-sign", { at: previous }];
  return undefined;
};

const setting: Reading = (scene) => {
  const { rule, token, previous, before, apart } = scene;
  if (rule !== "setting" && rule !== "header") return undefined;
  const startsValue = is(token, t.Name, t.NumberToken, t.StringToken, t.LSquare, t.Bool, t.LParen);
  if (previous === undefined || !(apart || startsValue)) return expected(scene, "`=`, `in` or `{`");
  // `context 512`: what was read as a header is the value.
  const isHeader =
    before !== undefined &&
    is(before, t.Name) &&
    before.endLine === previous.startLine &&
    (is(previous, t.NumberToken) || (is(previous, t.Name) && !is(previous, t.In)));
  const name = isHeader ? before : previous;
  return ["missing-equals", { at: name, after: true, insert: " =" }, { after: name.image }];
};

const arrow: Reading = ({ rule, place, token }) =>
  rule === "rule" ? ["missing-arrow", place, { found: shown(token) }] : undefined;

const reservedWord: Reading = ({ rule, token }) =>
  is(token, ...reserved) && !valueRules.has(rule) && rule !== "body"
    ? ["reserved-word", { at: token }, { word: token.image }]
    : undefined;

/** In this order: the first that knows the mistake has it. */
const readings: readonly Reading[] = [
  edition,
  misplacedEdition,
  kindless,
  bareLet,
  missingName,
  wordBefore,
  header,
  selector,
  starOfWord,
  power,
  setting,
  arrow,
  reservedWord,
];

const due = ({ rule, previous }: Scene): string => {
  if (rule === "imports") return dueInImport(previous);
  return valueRules.has(rule) ? "a value" : (wanted[rule] ?? "something else");
};

export function wordParseError(error: IRecognitionException, stop: Stop): Worded {
  const scene = sceneOf(error, stop);
  for (const reading of readings) {
    const worded = reading(scene);
    if (worded !== undefined) return worded;
  }
  return expected(scene, due(scene));
}
