// The grammar of docs/language.md and nothing else: no vocabulary, no meaning, no wording. What depends on line ends
// (units, `*`, where an entry or declaration begins) is settled on the tokens by syntax/layout.ts, so no rule needs a
// gate. Chevrotain's own recovery is off: syntax/repair.ts cuts out exactly what is broken and parses again, which keeps
// one mistake to one message and cannot overflow the stack.
import { CstParser } from "chevrotain";
import * as t from "./tokens.ts";

class ArchParser extends CstParser {
  constructor() {
    super(t.vocabulary, { recoveryEnabled: false, maxLookahead: 2, nodeLocationTracking: "full" });
    this.performSelfAnalysis();
  }

  readonly file = this.RULE("file", () => {
    this.OPTION(() => {
      this.CONSUME(t.Spec);
      this.CONSUME(t.NumberToken);
    });
    this.MANY(() => this.SUBRULE(this.decl));
  });

  private readonly decl = this.RULE("decl", () => {
    this.OPTION(() => this.CONSUME(t.Export));
    this.OR([
      { ALT: () => this.SUBRULE(this.imports) },
      { ALT: () => this.SUBRULE(this.let) },
      { ALT: () => this.SUBRULE(this.definition) },
    ]);
  });

  private readonly imports = this.RULE("imports", () => {
    this.CONSUME(t.Import);
    this.CONSUME(t.LCurly);
    this.MANY(() => this.SUBRULE(this.imported));
    this.CONSUME(t.RCurly);
    this.CONSUME(t.From);
    this.CONSUME(t.StringToken);
  });

  private readonly imported = this.RULE("imported", () => {
    this.CONSUME(t.Name, { LABEL: "name" });
    this.OPTION(() => {
      this.CONSUME(t.As);
      this.CONSUME2(t.Name, { LABEL: "alias" });
    });
    this.OPTION2(() => this.CONSUME(t.Comma));
  });

  private readonly let = this.RULE("let", () => {
    this.CONSUME(t.Let);
    this.CONSUME(t.Name);
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      this.SUBRULE(this.type);
    });
    this.OR([
      { ALT: () => this.CONSUME(t.Equals, { LABEL: "assign" }) },
      { ALT: () => this.CONSUME(t.EqualEqual, { LABEL: "assign" }) },
    ]);
    this.SUBRULE(this.value);
  });

  private readonly definition = this.RULE("definition", () => {
    this.CONSUME(t.Kind);
    this.CONSUME(t.Name);
    this.OPTION(() => this.SUBRULE(this.params));
    this.OPTION2(() => {
      this.CONSUME(t.Extends);
      this.SUBRULE(this.reference, { LABEL: "extended" });
    });
    this.OPTION3(() => {
      this.CONSUME(t.For);
      this.SUBRULE2(this.reference, { LABEL: "target" });
    });
    this.SUBRULE(this.body);
  });

  private readonly params = this.RULE("params", () => {
    this.CONSUME(t.LParen);
    this.MANY(() => this.SUBRULE(this.param));
    this.CONSUME(t.RParen);
  });

  private readonly param = this.RULE("param", () => {
    this.CONSUME(t.Name);
    // Without its type, or the colon before it, it is read as meant, and reported by lowering.
    this.OPTION(() => {
      this.OPTION2(() => this.CONSUME(t.Colon));
      this.SUBRULE(this.type);
    });
    this.OPTION3(() => {
      this.CONSUME(t.Equals);
      this.SUBRULE(this.value);
    });
    this.OPTION4(() => this.CONSUME(t.Comma));
  });

  private readonly type: ReturnType<typeof this.RULE> = this.RULE("type", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Name) },
      { ALT: () => this.CONSUME(t.Missing) },
      {
        ALT: () => {
          this.CONSUME(t.LSquare);
          this.SUBRULE(this.type);
          this.CONSUME(t.RSquare);
        },
      },
    ]);
  });

  private readonly reference = this.RULE("reference", () => {
    this.CONSUME(t.Name);
    this.OPTION(() => this.SUBRULE(this.args));
  });

  private readonly body: ReturnType<typeof this.RULE> = this.RULE("body", () => {
    this.CONSUME(t.LCurly);
    this.MANY(() => {
      this.OR([
        { ALT: () => this.SUBRULE(this.setting, { LABEL: "entry" }) },
        { ALT: () => this.SUBRULE(this.rule, { LABEL: "entry" }) },
      ]);
    });
    this.CONSUME(t.RCurly);
  });

  private readonly setting = this.RULE("setting", () => {
    this.CONSUME(t.Name);
    this.OPTION(() => this.SUBRULE(this.header));
    this.OR([
      {
        ALT: () => {
          // `:` and `==` are read as `=`, and reported by lowering.
          this.OR2([
            { ALT: () => this.CONSUME(t.Equals, { LABEL: "assign" }) },
            { ALT: () => this.CONSUME(t.EqualEqual, { LABEL: "assign" }) },
            { ALT: () => this.CONSUME(t.Colon, { LABEL: "assign" }) },
          ]);
          this.SUBRULE(this.value);
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.In);
          this.SUBRULE2(this.value);
        },
      },
      { ALT: () => this.SUBRULE(this.body) },
    ]);
  });

  private readonly header = this.RULE("header", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.NumberToken) },
      {
        ALT: () => {
          this.CONSUME(t.Name);
          this.MANY(() => {
            this.CONSUME(t.Dot);
            this.CONSUME2(t.Name);
          });
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.LParen);
          this.SUBRULE(this.value);
          this.CONSUME(t.RParen);
        },
      },
    ]);
  });

  private readonly rule = this.RULE("rule", () => {
    this.SUBRULE(this.selector);
    this.CONSUME(t.Arrow);
    this.SUBRULE(this.value);
  });

  private readonly selector: ReturnType<typeof this.RULE> = this.RULE("selector", () => {
    this.AT_LEAST_ONE_SEP({ SEP: t.Comma, DEF: () => this.SUBRULE(this.both) });
  });

  private readonly both = this.RULE("both", () => {
    this.SUBRULE(this.pick);
    this.MANY(() => {
      this.CONSUME(t.And);
      this.OR([
        { ALT: () => this.SUBRULE2(this.pick) },
        { ALT: () => this.SUBRULE(this.grouped, { LABEL: "pick" }) },
      ]);
    });
  });

  private readonly pick = this.RULE("pick", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.path) },
      {
        ALT: () => {
          this.CONSUME(t.Not);
          this.OR2([
            { ALT: () => this.SUBRULE2(this.path) },
            { ALT: () => this.SUBRULE(this.grouped) },
          ]);
        },
      },
    ]);
  });

  private readonly grouped = this.RULE("grouped", () => {
    this.CONSUME(t.LParen);
    this.SUBRULE(this.selector);
    this.CONSUME(t.RParen);
  });

  private readonly path = this.RULE("path", () => {
    this.SUBRULE(this.segment);
    this.MANY(() => {
      this.CONSUME(t.Dot);
      // `blocks.0` is read as meant, and reported by lowering; so is `blocks[*]` below.
      this.OR([
        { ALT: () => this.CONSUME(t.NumberToken, { LABEL: "segment" }) },
        { ALT: () => this.SUBRULE2(this.segment) },
      ]);
    });
  });

  private readonly segment = this.RULE("segment", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Star) },
      { ALT: () => this.CONSUME(t.DoubleStar) },
      { ALT: () => this.CONSUME(t.Missing) },
      {
        ALT: () => {
          this.CONSUME(t.Name);
          this.OPTION(() => {
            this.CONSUME(t.LSquare);
            this.OR2([
              { ALT: () => this.CONSUME2(t.Star, { LABEL: "all" }) },
              { ALT: () => this.CONSUME2(t.DoubleStar, { LABEL: "all" }) },
              { ALT: () => this.SUBRULE(this.value) },
            ]);
            this.CONSUME(t.RSquare);
          });
        },
      },
    ]);
  });

  private readonly value: ReturnType<typeof this.RULE> = this.RULE("value", () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.If);
          this.SUBRULE(this.logic, { LABEL: "test" });
          this.CONSUME(t.Then);
          this.SUBRULE(this.value, { LABEL: "then" });
          this.CONSUME(t.Else);
          this.SUBRULE2(this.value, { LABEL: "else" });
        },
      },
      {
        ALT: () => {
          this.SUBRULE2(this.logic, { LABEL: "from" });
          this.OPTION(() => {
            this.CONSUME(t.DotDot);
            this.SUBRULE3(this.logic, { LABEL: "to" });
          });
        },
      },
    ]);
  });

  private readonly logic = this.RULE("logic", () => {
    this.AT_LEAST_ONE_SEP({ SEP: t.Or, DEF: () => this.SUBRULE(this.all, { LABEL: "operand" }) });
  });

  private readonly all = this.RULE("all", () => {
    this.AT_LEAST_ONE_SEP({ SEP: t.And, DEF: () => this.SUBRULE(this.test, { LABEL: "operand" }) });
  });

  private readonly test = this.RULE("test", () => {
    this.OPTION(() => this.CONSUME(t.Not));
    this.SUBRULE(this.sum, { LABEL: "operand" });
    // Comparisons do not chain; lowering says so.
    this.MANY(() => {
      this.CONSUME(t.CompareOp, { LABEL: "op" });
      this.SUBRULE2(this.sum, { LABEL: "operand" });
    });
  });

  private readonly sum = this.RULE("sum", () => {
    this.SUBRULE(this.product, { LABEL: "operand" });
    this.MANY(() => {
      this.CONSUME(t.AddOp, { LABEL: "op" });
      this.SUBRULE2(this.product, { LABEL: "operand" });
    });
  });

  private readonly product = this.RULE("product", () => {
    this.SUBRULE(this.unary, { LABEL: "operand" });
    this.MANY(() => {
      this.CONSUME(t.MulOp, { LABEL: "op" });
      this.SUBRULE2(this.unary, { LABEL: "operand" });
    });
  });

  private readonly unary = this.RULE("unary", () => {
    this.OPTION(() => this.CONSUME(t.Minus));
    this.SUBRULE(this.primary);
  });

  private readonly primary = this.RULE("primary", () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.NumberToken);
          this.OPTION(() => this.CONSUME(t.Unit));
        },
      },
      { ALT: () => this.CONSUME(t.StringToken) },
      { ALT: () => this.CONSUME(t.Bool) },
      { ALT: () => this.CONSUME(t.Missing) },
      {
        ALT: () => {
          this.CONSUME(t.Name);
          this.MANY(() => {
            this.CONSUME(t.Dot);
            this.CONSUME2(t.Name);
          });
          this.OPTION2(() => this.SUBRULE(this.args));
        },
      },
      { ALT: () => this.SUBRULE(this.list) },
      {
        ALT: () => {
          this.CONSUME(t.LParen);
          this.SUBRULE(this.value);
          this.CONSUME(t.RParen);
        },
      },
    ]);
  });

  private readonly list = this.RULE("list", () => {
    this.CONSUME(t.LSquare);
    this.MANY(() => this.SUBRULE(this.item));
    this.CONSUME(t.RSquare);
  });

  // A missing comma is read as meant, and reported by lowering.
  private readonly item = this.RULE("item", () => {
    this.SUBRULE(this.value);
    this.OPTION(() => this.CONSUME(t.Comma));
  });

  private readonly args = this.RULE("args", () => {
    this.CONSUME(t.LParen);
    this.MANY(() => this.SUBRULE(this.arg));
    this.CONSUME(t.RParen);
  });

  private readonly arg = this.RULE("arg", () => {
    this.OPTION(() => {
      this.CONSUME(t.Name);
      // `=` is read as `:`, and reported by lowering.
      this.OR([
        { ALT: () => this.CONSUME(t.Colon, { LABEL: "assign" }) },
        { ALT: () => this.CONSUME(t.Equals, { LABEL: "assign" }) },
      ]);
    });
    this.SUBRULE(this.value);
    this.OPTION2(() => this.CONSUME(t.Comma));
  });
}

export const parser = new ArchParser();
