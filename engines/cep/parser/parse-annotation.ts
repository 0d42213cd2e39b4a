import type { Annotation } from "./ast.ts";
import type { TokenStream } from "./token-stream.ts";

/** All annotations at the cursor; `@app:…` ones belong to the app and end the run. */
export function parseAnnotations(t: TokenStream): Annotation[] {
  const list: Annotation[] = [];
  while (t.isSymbol("@") && !(t.isWord("app", 1) && t.isSymbol(":", 2))) list.push(parseAnnotation(t));
  return list;
}

/** The `@app:…` annotations and any others at the head of an app; the name keeps its `app:` prefix. */
export function parseAppAnnotations(t: TokenStream): Annotation[] {
  const list: Annotation[] = [];
  while (t.isSymbol("@") && t.isWord("app", 1) && t.isSymbol(":", 2)) {
    const start = t.next().start;
    t.next();
    t.next();
    const annotation = parseRest(t, start);
    list.push({ ...annotation, name: `app:${annotation.name}` });
  }
  return list;
}

function parseAnnotation(t: TokenStream): Annotation {
  return parseRest(t, t.expectSymbol("@").start);
}

function parseRest(t: TokenStream, start: number): Annotation {
  let name = t.expectName("an annotation").text;
  if (t.takeSymbol(":")) name += `:${t.expectName("an annotation").text}`;
  const elements: { key: string | undefined; value: string }[] = [];
  const annotations: Annotation[] = [];
  if (t.takeSymbol("(")) {
    do {
      if (t.isSymbol("@")) annotations.push(parseAnnotation(t));
      else elements.push(parseElement(t));
    } while (t.takeSymbol(","));
    t.expectSymbol(")");
  }
  return { name, elements, annotations, start, end: t.lastEnd };
}

function parseElement(t: TokenStream): { key: string | undefined; value: string } {
  if (t.peek().kind === "string" && !t.isSymbol("=", 1)) return { key: undefined, value: t.next().text };
  let key = t.peek().kind === "string" ? t.next().text : t.expectName("a property or a string").text;
  while (t.isSymbol(".") || t.isSymbol("-") || t.isSymbol(":"))
    key += t.next().text + t.expectName("a property").text;
  t.expectSymbol("=");
  return { key, value: t.expectString().text };
}
