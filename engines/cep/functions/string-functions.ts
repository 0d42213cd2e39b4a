import { valueToString } from "../expression/java-number.ts";
import type { FunctionExtension } from "../extension.ts";
import { coalesce } from "./core-functions.ts";
import { type Call, defineFunction, type Form, fail } from "./define-function.ts";
import { regexOf, replaceBy, splitBy } from "./java-regex.ts";

const MAX_RESULT_CHARS = 1_000_000;

const meanings = {
  "input.string": "The text.",
  regex: "A regular expression in Java's syntax.",
  "replacement.string": "What to put there; `$1` is the first group.",
  "begin.index": "Where to begin, from 0.",
  "group.number": "Which one, from 0.",
  times: "How often.",
  "search.string": "The text to look for.",
  arg1: "The text.",
  arg2: "The other text.",
  char: "One character.",
};

/** A function of texts in one form; null fails, as in Siddhi. */
function ofTexts(
  form: string,
  name: string,
  returns: "string" | "bool" | "int" | "long",
  description: string,
  example: string,
  apply: (...texts: string[]) => unknown,
): FunctionExtension {
  return defineFunction({
    name: `str:${name}`,
    returns,
    description,
    nulls: "fail",
    meanings,
    example: `str:${name}(${example}`,
    forms: { [form]: apply },
  });
}

/** A function of one text. */
function ofText(
  name: string,
  returns: "string" | "int",
  description: string,
  example: string,
  apply: (s: string) => unknown,
): FunctionExtension {
  return ofTexts("input.string:s", name, returns, description, example, apply);
}

/** A test of a text for another. */
function ofTwo(
  name: string,
  description: string,
  example: string,
  apply: (a: string, b: string) => boolean | number,
  returns: "bool" | "int" | "long" = "bool",
  form = "input.string:s search.string:s",
): FunctionExtension {
  return ofTexts(form, name, returns, description, example, apply);
}

/** `String.compareTo`: the difference of the first characters that differ, else of the lengths. */
function compareText(a: string, b: string): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = a.charCodeAt(i) - b.charCodeAt(i);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** `String.substring`. */
function substring(s: string, from: number, to: number): string {
  if (from < 0 || to > s.length || from > to) fail("str:substr", "the index is outside the text");
  return s.slice(from, to);
}

function unhex(s: string): string {
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(s)) fail("str:unhex", "the text is not pairs of hexadecimal digits");
  return s.replace(/../g, (pair) => String.fromCharCode(Number.parseInt(pair, 16)));
}

/** `substr` by a regular expression: a group of the first match, or nothing. */
const bySearch: Form = {
  bind: (call) => {
    const regex = regexOf(call, 1);
    return (s: string, pattern: string, group = 0) => {
      const found = s.matchAll(regex(pattern)).next().value;
      if (found === undefined) return "";
      if (group < 0 || group >= found.length) fail(call.name, `there is no group ${group}`);
      return found[group];
    };
  },
};

const replacing = (isAll: boolean): Form => ({
  bind: (call) => {
    const regex = regexOf(call, 1);
    return (s: string, pattern: string, by: string) => replaceBy(call.name, s, regex(pattern), by, isAll);
  },
});

/** Values as Java writes them, by their types. */
function texts({ args }: Call): (values: readonly unknown[], index: number) => string {
  const types = args.map((a) => a.type);
  return (values, index) => valueToString(values[index], types[index] ?? "string");
}

function valueIn(map: unknown, key: string): unknown {
  if (map instanceof Map) return map.get(key);
  if (typeof map !== "object" || map === null)
    return fail("str:fillTemplate", "the second argument is no map");
  return Object.hasOwn(map, key) ? Object.entries(map).find(([name]) => name === key)?.[1] : undefined;
}

/** Puts values into the `{{…}}` of a template; a null leaves the key as it stands. */
function fillTemplate(template: string, value: (key: string) => unknown): string {
  return template.replace(/\{\{([\s\S]*?)\}\}/g, (_, key: string) => String(value(key.trim()) ?? key));
}

const FILL: Readonly<Record<string, Form>> = {
  "template:s replacement:v ...": {
    bind: (call) => {
      const text = texts(call);
      return (template: string, ...values: unknown[]) => {
        const all = [template, ...values];
        return fillTemplate(template, (key) => {
          const index = /^\d+$/.test(key) ? Number(key) : -1;
          if (index < 0 || index >= all.length)
            fail(call.name, "a key of the template is not the number of a value");
          return all[index] === null ? undefined : text(all, index);
        });
      };
    },
  },
  "template:s map:o": {
    bind: () => (template: string, map: unknown) => fillTemplate(template, (key) => valueIn(map, key)),
  },
};

/** The functions of the `str` namespace, as siddhi-execution-string 5 has them. */
export const stringFunctions: readonly FunctionExtension[] = [
  ofText("length", "int", "The number of characters.", "'Hello World') -> 11", (s) => s.length),
  ofText("upper", "string", "The text in capitals.", "'Hello') -> 'HELLO'", (s) => s.toUpperCase()),
  ofText("lower", "string", "The text in small letters.", "'Hello') -> 'hello'", (s) => s.toLowerCase()),
  ofText("trim", "string", "The text without blanks at its ends.", "'  a b ') -> 'a b'", (s) =>
    // Java takes all up to the blank.
    s.replace(/^[\0- ]+|[\0- ]+$/g, ""),
  ),
  ofText("reverse", "string", "The text backwards.", "'abc') -> 'cba'", (s) => [...s].reverse().join("")),
  ofText("hex", "string", "The code of every character in hexadecimal.", "'MySQL') -> '4d7953514c'", (s) =>
    Array.from({ length: s.length }, (_, i) => s.charCodeAt(i).toString(16)).join(""),
  ),
  ofText(
    "unhex",
    "string",
    "The text that pairs of hexadecimal digits stand for.",
    "'4d7953') -> 'MyS'",
    unhex,
  ),
  defineFunction({
    name: "str:contains",
    returns: "bool",
    description: "True when the text is in the other; false in null.",
    nulls: "given",
    meanings,
    example: "str:contains('21 products of WSO2', 'WSO2') -> true",
    forms: {
      "input.string:s search.string:s": (s: string | null, part: string | null) => {
        if (s === null) return false;
        return part === null ? fail("str:contains", "argument 2 is null") : s.includes(part);
      },
    },
  }),
  ofTwo("startsWith", "True when the text starts so.", "'room-1', 'room') -> true", (s, part) =>
    s.startsWith(part),
  ),
  ofTwo("endsWith", "True when the text ends so.", "'room-1', '1') -> true", (s, part) => s.endsWith(part)),
  ofTwo(
    "indexOf",
    "Where the text is found, or -1.",
    "'abc', 'c') -> 2",
    (s, part) => s.indexOf(part),
    "int",
  ),
  defineFunction({
    name: "str:equalsIgnoreCase",
    returns: "bool",
    description: "True when the texts differ at most in case.",
    nulls: "given",
    meanings,
    example: "str:equalsIgnoreCase('WSO2', 'wso2') -> true",
    forms: {
      "arg1:s arg2:s": (a: string | null, b: string | null) =>
        a === null
          ? fail("str:equalsIgnoreCase", "argument 1 is null")
          : a.toUpperCase().toLowerCase() === b?.toUpperCase().toLowerCase(),
    },
  }),
  ofTwo(
    "strcmp",
    "Below 0, 0 or above 0, by the order of the texts: the difference of the characters or of the lengths.",
    "'Abc', 'Hello') -> -7",
    compareText,
    "int",
    "arg1:s arg2:s",
  ),
  ofTwo(
    "charFrequency",
    "How often a character is in the text.",
    "'WSO2,ABM,NSFT', ',') -> 2",
    (s, char) => {
      if (char.length !== 1) fail("str:charFrequency", "argument 2 is not one character");
      return s.split(char).length - 1;
    },
    "long",
    "input.string:s char:s",
  ),
  defineFunction({
    name: "str:charAt",
    returns: "string",
    description: "The character at a place, from 0.",
    nulls: "fail",
    example: "str:charAt('WSO2', 1) -> 'S'",
    forms: {
      "input.value:s index:i": (s: string, at: number) =>
        at < 0 || at >= s.length ? fail("str:charAt", "the index is outside the text") : s.charAt(at),
    },
  }),
  {
    ...coalesce,
    namespace: "str",
    examples: [{ syntax: "str:coalesce(nick, name)", description: coalesce.description }],
  },
  defineFunction({
    name: "str:concat",
    returns: "string",
    description: "The values put together; nulls are passed over.",
    nulls: "given",
    meanings: { arg: "A value.", arg2: "More values." },
    example: "str:concat('D533', '8JU^', 7) -> 'D5338JU^7'",
    forms: {
      "arg:a arg2:a ...": {
        bind: (call) => {
          const text = texts(call);
          return (...values: unknown[]) => values.map((v, i) => (v === null ? "" : text(values, i))).join("");
        },
      },
    },
  }),
  defineFunction({
    name: "str:fillTemplate",
    returns: "string",
    description: "A template with its `{{1}}`, `{{2}}` … replaced by values, or its `{{key}}` from a map.",
    nulls: "given",
    meanings: {
      template: "The text with `{{…}}` in it.",
      replacement: "A value for `{{1}}`, and so on.",
      map: "A map of keys and values.",
    },
    example: "str:fillTemplate('{{1}} > 100 and {{2}} < 10', 200, 3) -> '200 > 100 and 3 < 10'",
    forms: FILL,
  }),
  defineFunction({
    name: "str:locate",
    returns: "int",
    description: "Where a text is in another, from 0; -1 when it is not.",
    nulls: "fail",
    example: "str:locate('@wso2.com', 'streamin@wso2.com') -> 8",
    forms: {
      "string.to.search.for:s string.to.search.in:s": (part: string, s: string) => s.indexOf(part),
      "string.to.search.for:s string.to.search.in:s searching.start.position:i": (
        part: string,
        s: string,
        from: number,
      ) => {
        if (from < 0 || from > s.length) fail("str:locate", "the start is outside the text");
        // Siddhi adds the start to -1 as well when the text is not found.
        return s.slice(from).indexOf(part) + from;
      },
    },
  }),
  defineFunction({
    name: "str:regexp",
    returns: "bool",
    description: "True when the whole text matches a regular expression.",
    nulls: "fail",
    meanings,
    example: "str:regexp('WSO2 abcdh', 'WSO(.*h)') -> true",
    forms: {
      "input.string:s regex:s": {
        bind: (call) => {
          const regex = regexOf(call, 1, true);
          return (s: string, pattern: string) => s.search(regex(pattern)) === 0;
        },
      },
    },
  }),
  defineFunction({
    name: "str:repeat",
    returns: "string",
    description: `The text so many times; at most ${MAX_RESULT_CHARS} characters.`,
    nulls: "fail",
    meanings,
    example: "str:repeat('ab', 3) -> 'ababab'",
    forms: {
      "input.string:s times:i": (s: string, times: number) => {
        if (times * s.length > MAX_RESULT_CHARS) fail("str:repeat", "the result is too long");
        return times > 0 ? s.repeat(times) : "";
      },
    },
  }),
  defineFunction({
    name: "str:replaceAll",
    returns: "string",
    description: "The text with all that matches a regular expression replaced.",
    nulls: "fail",
    meanings,
    example: "str:replaceAll('hello hi hello', 'hello', 'test') -> 'test hi test'",
    forms: { "input.string:s regex:s replacement.string:s": replacing(true) },
  }),
  defineFunction({
    name: "str:replaceFirst",
    returns: "string",
    description: "The text with the first match of a regular expression replaced.",
    nulls: "fail",
    meanings,
    example: "str:replaceFirst('hello WSO2 A hello', 'WSO2(.*)A', 'XXXX') -> 'hello XXXX hello'",
    forms: { "input.string:s regex:s replacement.string:s": replacing(false) },
  }),
  defineFunction({
    name: "str:split",
    returns: "string",
    description: "One of the parts between what matches a regular expression, from 0.",
    nulls: "fail",
    meanings: { ...meanings, "split.string": "A regular expression that parts the text." },
    example: "str:split('WSO2,ABM,NSFT', ',', 0) -> 'WSO2'",
    forms: {
      "input.string:s split.string:s group.number:i": {
        bind: (call) => {
          const regex = regexOf(call, 1);
          return (s: string, pattern: string, at: number) =>
            splitBy(s, regex(pattern))[at] ?? fail(call.name, "there is no part of that number");
        },
      },
    },
  }),
  defineFunction({
    name: "str:substr",
    returns: "string",
    description: "A part of the text: from a place on, of a length, or what a regular expression finds.",
    nulls: "fail",
    meanings: {
      ...meanings,
      length: "How many characters.",
      "group.number": "A group of the match; 0 is all of it.",
    },
    example: "str:substr('AbCDefghiJ KLMN', 2, 4) -> 'CDef'",
    forms: {
      "input.string:s begin.index:i": (s: string, from: number) => substring(s, from, s.length),
      "input.string:s begin.index:i length:i": (s: string, from: number, length: number) =>
        substring(s, from, from + length),
      "input.string:s regex:s": bySearch,
      "input.string:s regex:s group.number:i": bySearch,
    },
  }),
];
