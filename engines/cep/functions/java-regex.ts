import { CepError } from "../cep-error.ts";
import { type Call, fail } from "./define-function.ts";

const MAX_PATTERN_CHARS = 1000;
const MAX_REMEMBERED = 64;

const POSIX: Readonly<Record<string, string>> = {
  Lower: "a-z",
  Upper: "A-Z",
  Alpha: "a-zA-Z",
  Digit: "0-9",
  Alnum: "a-zA-Z0-9",
  Punct: "!-\\/:-@\\[-`{-~",
  Space: " \\t\\n\\x0B\\f\\r",
  Blank: " \\t",
  XDigit: "0-9a-fA-F",
  ASCII: "\\x00-\\x7F",
};

/** Java's classes that JavaScript has not, or has wider: the content of a character class. */
const CLASSES: Readonly<Record<string, string>> = {
  s: " \\t\\n\\x0B\\f\\r",
  h: " \\t\\xA0\\u1680\\u180E\\u2000-\\u200A\\u202F\\u205F\\u3000",
  v: "\\n\\x0B\\f\\r\\x85\\u2028\\u2029",
};

const ANCHORS: Readonly<Record<string, string>> = {
  A: "(?<![\\s\\S])",
  z: "(?![\\s\\S])",
  Z: "(?=\\n?(?![\\s\\S]))",
  b: "\\b",
  B: "\\B",
};

interface Translation {
  readonly source: string;
  readonly flags: string;
}

const remembered = new Map<string, RegExp>();

function unsupported(what: string): never {
  throw new SyntaxError(`${what} is not supported`);
}

/** One escape, from the character behind the backslash on. @returns what stands for it, and how long it was. */
function translateEscape(rest: string, inClass: boolean): [text: string, length: number] {
  const c = rest[0];
  if (c === undefined) unsupported("a backslash at the end");
  const property = /^([pP])(?:\{(?:Is)?(\w+)\}|(\w))/.exec(rest);
  if (property !== null) {
    const name = property[2] ?? property[3] ?? "";
    const content = POSIX[name];
    if (content === undefined) return [`\\${property[1]}{${name}}`, property[0].length];
    if (property[1] === "P" && inClass) unsupported(`\\P{${name}} in a class`);
    return [inClass ? content : `[${property[1] === "P" ? "^" : ""}${content}]`, property[0].length];
  }
  const code = /^(?:x\{([0-9a-fA-F]+)\}|0([0-7]{1,3}))/.exec(rest);
  if (code !== null) {
    const value = code[1] === undefined ? Number.parseInt(code[2] ?? "", 8) : Number.parseInt(code[1], 16);
    return [`\\u{${value.toString(16)}}`, code[0].length];
  }
  if (CLASSES[c] !== undefined) return [inClass ? CLASSES[c] : `[${CLASSES[c]}]`, 1];
  const positive = CLASSES[c.toLowerCase()];
  if (positive !== undefined) return inClass ? unsupported(`\\${c} in a class`) : [`[^${positive}]`, 1];
  if (ANCHORS[c] !== undefined) return inClass ? unsupported(`\\${c} in a class`) : [ANCHORS[c], 1];
  if (c === "a") return ["\\x07", 1];
  if (c === "e") return ["\\x1B", 1];
  if (/[dDwWtnrfxuck1-9]/.test(c)) return [`\\${c}`, 1];
  if (/[a-zA-Z0]/.test(c)) unsupported(`\\${c}`);
  return [/[\^$\\.*+?()[\]{}|/-]/.test(c) && (c !== "-" || inClass) ? `\\${c}` : c, 1];
}

/** Java's syntax in JavaScript's, as far as both can say it. @throws SyntaxError */
function translate(pattern: string): Translation {
  const lead = /^\(\?([ims]+)\)/.exec(pattern);
  const flags = `u${[...new Set(lead?.[1] ?? "")].join("")}`;
  let source = "";
  let inClass = false;
  for (let i = lead?.[0].length ?? 0; i < pattern.length; ) {
    const c = pattern[i] as string; // in range
    const quoted = c === "\\" && pattern[i + 1] === "Q" ? pattern.indexOf("\\E", i) : -2;
    if (quoted !== -2) {
      const end = quoted === -1 ? pattern.length : quoted;
      source += pattern.slice(i + 2, end).replace(/[\^$\\.*+?()[\]{}|/]/g, "\\$&");
      i = end + 2;
    } else if (c === "\\") {
      const [text, length] = translateEscape(pattern.slice(i + 1), inClass);
      source += text;
      i += 1 + length;
    } else if (inClass) {
      if (c === "[" || pattern.startsWith("&&", i)) unsupported("a class in a class");
      if (c === "]") inClass = false;
      source += c;
      i++;
    } else {
      const count = /^\{\d+(?:,\d*)?\}/.exec(pattern.slice(i));
      if (c === "[") inClass = true;
      source += count?.[0] ?? (c === "]" || c === "}" ? `\\${c}` : c);
      i += count?.[0].length ?? 1;
    }
  }
  return { source, flags };
}

function make(pattern: string, isWhole: boolean): RegExp {
  const key = `${isWhole ? "=" : "~"}${pattern}`;
  const known = remembered.get(key);
  if (known !== undefined) return known;
  if (pattern.length > MAX_PATTERN_CHARS)
    unsupported(`a pattern of more than ${MAX_PATTERN_CHARS} characters`);
  const { source, flags } = translate(pattern);
  const regex = new RegExp(isWhole ? `(?<![\\s\\S])(?:${source})(?![\\s\\S])` : source, `${flags}g`);
  if (remembered.size >= MAX_REMEMBERED) remembered.delete(remembered.keys().next().value ?? "");
  remembered.set(key, regex);
  return regex;
}

/**
 * The regular expression that an argument gives, in `java.util.regex` syntax; a constant is looked at once.
 * @throws CepError `WRONG_PARAMETERS` on a wrong constant; what is returned throws `RUNTIME` on a wrong value.
 */
export function regexOf(call: Call, index: number, isWhole = false): (pattern: string) => RegExp {
  const constant = call.args[index]?.constant?.value;
  if (typeof constant === "string") {
    try {
      const regex = make(constant, isWhole);
      return () => regex;
    } catch (error) {
      const why = error instanceof Error ? error.message : "";
      throw new CepError("WRONG_PARAMETERS", `${call.name}(): not a regular expression: ${why}`, {
        offset: call.at.start,
        length: call.at.end - call.at.start,
        expected: ["a regular expression"],
      });
    }
  }
  return (pattern) => {
    try {
      return make(pattern, isWhole);
    } catch {
      return fail(call.name, "the value is not a regular expression that is supported");
    }
  };
}

/** `Pattern.split` without a limit: no empty parts at the end, none at the start from a match of nothing. */
export function splitBy(text: string, regex: RegExp): string[] {
  const parts: string[] = [];
  let from = 0;
  for (const match of text.matchAll(regex)) {
    const end = match.index + match[0].length;
    if (end === 0 || (match[0] === "" && match.index >= text.length)) continue;
    parts.push(text.slice(from, match.index));
    from = end;
  }
  if (from === 0 && parts.length === 0) return [text];
  parts.push(text.slice(from));
  while (parts.length > 0 && parts.at(-1) === "") parts.pop();
  return parts;
}

/** `Matcher.replaceAll` or `replaceFirst`: `$1` and `${name}` are groups, a backslash takes the next character as it is. */
export function replaceBy(name: string, text: string, regex: RegExp, by: string, isAll: boolean): string {
  let isDone = false;
  return text.replace(regex, (...found: unknown[]) => {
    const named = typeof found.at(-1) === "object" ? (found.at(-1) as Record<string, string>) : {}; // as String.replace has it
    const groups = found.slice(
      0,
      found.findIndex((x) => typeof x === "number"),
    ) as (string | undefined)[]; // up to the offset
    if (isDone && !isAll) return groups[0] ?? "";
    isDone = true;
    return by.replace(/\\([\s\S]?)|\$(?:\{(\w+)\}|(\d+))?/g, (whole, escaped, group, digits) => {
      if (escaped !== undefined && escaped !== "") return escaped;
      if (group !== undefined && group in named) return named[group] ?? "";
      if (digits === undefined) return fail(name, `the replacement has '${whole}' where no group is`);
      // As many digits as there are groups for.
      let taken = 1;
      while (taken < digits.length && Number(digits.slice(0, taken + 1)) < groups.length) taken++;
      const number = Number(digits.slice(0, taken));
      if (number >= groups.length) return fail(name, `there is no group ${number}`);
      return (groups[number] ?? "") + digits.slice(taken);
    });
  });
}
