/**
 * A page with the text between the two marks of a generated part replaced: `<!-- name -->` and `<!-- /name -->`.
 * @throws Error if the page has no such part.
 */
export function withGeneratedPart(page: string, name: string, part: string): string {
  const [open, close] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
  const [start, end] = [page.indexOf(open) + open.length, page.indexOf(close)];
  if (start < open.length || end < start) throw new Error(`the page has no part ${name}`);
  return page.slice(0, start) + part + page.slice(end);
}
