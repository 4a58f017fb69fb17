// Tokens that the text does not hold, where it lacks them.
import type { IToken, TokenType } from "chevrotain";

export const endOf = (token: IToken): number => (token.endOffset ?? token.startOffset) + 1;

/** Empty, right after `after`. */
export function virtual(type: TokenType, after: IToken | undefined): IToken {
  const end = after === undefined ? 0 : endOf(after);
  return {
    image: "",
    startOffset: end,
    endOffset: end - 1,
    startLine: after?.endLine ?? 1,
    endLine: after?.endLine ?? 1,
    startColumn: (after?.endColumn ?? 0) + 1,
    endColumn: after?.endColumn ?? 0,
    tokenTypeIdx: type.tokenTypeIdx ?? 0,
    tokenType: type,
  };
}

export const isVirtual = (token: IToken): boolean => endOf(token) === token.startOffset;
