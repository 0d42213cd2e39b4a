/** A form as a browser without scripts sees it. */
export interface HtmlForm {
  /** Absolute. */
  readonly action: URL;
  readonly method: "get" | "post";
  /** What would be sent if it were submitted untouched, without any button. */
  readonly fields: readonly FormField[];
  readonly buttons: readonly FormButton[];
}

/** One control that sends something. */
export interface FormField {
  readonly name: string;
  /** `text` for every input that takes text. */
  readonly type: "hidden" | "text" | "checkbox" | "radio";
  readonly value: string;
  /** For checkboxes and radio buttons; always true for the others. */
  readonly checked: boolean;
}

/** A submit button that carries a value. */
export interface FormButton {
  readonly name: string;
  readonly value: string;
}

interface Tag {
  readonly name: string;
  readonly isEnd: boolean;
  readonly attributes: ReadonlyMap<string, string>;
  /** Where the tag begins and ends in the page. */
  readonly from: number;
  readonly to: number;
}

/**
 * The forms of a page, in order. Knows as much HTML as our own pages use: tags, quoted and bare attributes,
 * character references, comments, and elements whose text is no markup.
 */
export function parseForms(html: string, pageUrl: URL): readonly HtmlForm[] {
  const forms: HtmlForm[] = [];
  let form: { action: URL; method: "get" | "post"; fields: FormField[]; buttons: FormButton[] } | undefined;
  const tags = [...readTags(html)];
  for (const [index, { name, isEnd, attributes, to }] of tags.entries()) {
    if (name === "form") {
      if (form !== undefined) forms.push(form);
      form = isEnd
        ? undefined
        : {
            action: new URL(attributes.get("action") ?? "", pageUrl),
            method: attributes.get("method")?.toLowerCase() === "post" ? "post" : "get",
            fields: [],
            buttons: [],
          };
      continue;
    }
    if (form === undefined || isEnd || attributes.has("disabled")) continue;
    if (name === "input") {
      addInput(form, attributes);
    } else if (name === "button" && (attributes.get("type") ?? "submit").toLowerCase() === "submit") {
      form.buttons.push({ name: attributes.get("name") ?? "", value: attributes.get("value") ?? "" });
    } else if (name === "textarea") {
      const end = tags.slice(index).find((tag) => tag.name === "textarea" && tag.isEnd);
      const value = decodeReferences(html.slice(to, end?.from ?? to));
      form.fields.push({ name: attributes.get("name") ?? "", type: "text", value, checked: true });
    } else if (name === "select") {
      form.fields.push({
        name: attributes.get("name") ?? "",
        type: "text",
        value: selected(tags, index),
        checked: true,
      });
    }
  }
  if (form !== undefined) forms.push(form);
  return forms;
}

function addInput(
  form: { readonly fields: FormField[]; readonly buttons: FormButton[] },
  attributes: ReadonlyMap<string, string>,
): void {
  const name = attributes.get("name") ?? "";
  const type = (attributes.get("type") ?? "text").toLowerCase();
  if (type === "submit" || type === "image") {
    form.buttons.push({ name, value: attributes.get("value") ?? "" });
  } else if (type === "checkbox" || type === "radio") {
    form.fields.push({
      name,
      type,
      value: attributes.get("value") ?? "on",
      checked: attributes.has("checked"),
    });
  } else if (type !== "button" && type !== "reset") {
    const value = attributes.get("value") ?? "";
    form.fields.push({ name, type: type === "hidden" ? "hidden" : "text", value, checked: true });
  }
}

/** The value of the chosen option: the one marked so, or the first. */
function selected(tags: readonly Tag[], from: number): string {
  const end = tags.findIndex((tag, index) => index > from && tag.name === "select" && tag.isEnd);
  const options = tags
    .slice(from, end < 0 ? tags.length : end)
    .filter((tag) => tag.name === "option" && !tag.isEnd);
  const option = options.find((tag) => tag.attributes.has("selected")) ?? options[0];
  return option?.attributes.get("value") ?? "";
}

const TAG = /<!--[\s\S]*?-->|<(\/?)([a-zA-Z][\w-]*)((?:"[^"]*"|'[^']*'|[^"'>])*)>/g;
const ATTRIBUTE = /([^\s=/"'>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g;

function* readTags(html: string): Generator<Tag> {
  let rawText: string | undefined;
  for (const match of html.matchAll(TAG)) {
    const [whole, slash, tagName, attributeText = ""] = match;
    if (tagName === undefined) continue; // a comment
    const name = tagName.toLowerCase();
    if (rawText !== undefined && !(slash === "/" && name === rawText)) continue;
    rawText = slash === "" && ["script", "style", "title"].includes(name) ? name : undefined;
    const attributes = new Map<string, string>();
    for (const [, key = "", double, single, bare] of attributeText.matchAll(ATTRIBUTE)) {
      attributes.set(key.toLowerCase(), decodeReferences(double ?? single ?? bare ?? ""));
    }
    yield { name, isEnd: slash === "/", attributes, from: match.index, to: match.index + whole.length };
  }
}

const NAMED: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
};

/** Character references: the numeric ones and the few names that escaping produces. */
export function decodeReferences(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return NAMED[name] ?? whole;
  });
}

/** The text of the page's first `h1`, for messages about what page one is on. */
export function headingOf(html: string): string {
  const inner = /<h1[^>]*>([\s\S]*?)<\/h1>/i.exec(html)?.[1] ?? "";
  return decodeReferences(inner.replace(/<[^>]*>/g, ""))
    .replace(/\s+/g, " ")
    .trim();
}
