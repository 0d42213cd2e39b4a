import { CepError } from "../cep-error.ts";
import type { App, Definition, Expression, OnDemandQuery, Partition, Query } from "./ast.ts";
import { parseAnnotations, parseAppAnnotations } from "./parse-annotation.ts";
import { parseDefinition } from "./parse-definition.ts";
import { parseExpression } from "./parse-expression.ts";
import { parseOnDemandQuery, parsePartition, parseQuery, parseQueryBody } from "./parse-query.ts";
import { TokenStream } from "./token-stream.ts";

/**
 * Parses a whole app: annotations, then definitions, then queries and partitions, parted by `;`.
 * @throws CepError `SYNTAX`, `DUPLICATE_ATTRIBUTE`, with position, expectation and suggestion.
 */
export function parseApp(text: string): App {
  return located(text, () => {
    const t = new TokenStream(text);
    const annotations = parseAppAnnotations(t);
    const definitions: Definition[] = [];
    const elements: (Query | Partition)[] = [];
    for (;;) {
      annotations.push(...parseAppAnnotations(t));
      const own = parseAnnotations(t);
      if (t.isWord("define")) {
        // Siddhi's grammar takes definitions only before the first query.
        if (elements.length > 0) t.fail(["a query or a partition (definitions come first)"], []);
        definitions.push(parseDefinition(t, own));
      } else if (t.isWord("from")) {
        elements.push(parseQueryBody(t, own));
      } else if (t.isWord("partition")) {
        elements.push(parsePartition(t, own));
      } else {
        t.fail(["define", "from", "partition"]);
      }
      const isParted = t.takeSymbol(";");
      if (t.peek().kind === "end") break;
      if (!isParted) t.fail(["';'"]);
    }
    return { text, annotations, definitions, elements, start: 0, end: text.length };
  });
}

/** Parses an on-demand query. @throws CepError `SYNTAX` */
export function parseStoreQuery(text: string): OnDemandQuery {
  return located(text, () => parseOnDemandQuery(new TokenStream(text)));
}

/** Parses an expression alone, as the expression window takes it. @throws CepError `SYNTAX` */
export function parseExpressionText(text: string): Expression {
  return located(text, () => {
    const t = new TokenStream(text);
    const expression = parseExpression(t);
    if (t.peek().kind !== "end") t.fail(["the end of the expression"]);
    return expression;
  });
}

/** Parses one definition, query or partition standing alone; used by tools. @throws CepError `SYNTAX` */
export function parseFragment(text: string): Definition | Query | Partition {
  return located(text, () => {
    const t = new TokenStream(text);
    const own = parseAnnotations(t);
    const node = t.isWord("define")
      ? parseDefinition(t, own)
      : t.isWord("partition")
        ? parsePartition(t, own)
        : t.isWord("from")
          ? parseQueryBody(t, own)
          : parseQuery(t);
    t.takeSymbol(";");
    if (t.peek().kind !== "end") t.fail(["the end of the text"]);
    return node;
  });
}

function located<T>(text: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof CepError) error.locate(text);
    throw error;
  }
}
