import type { StreamFunctionExtension } from "../extension.ts";
import { fail } from "./define-function.ts";
import { regexOf, splitBy } from "./java-regex.ts";

/** `#str:tokenize`, as siddhi-execution-string 5 has it: an event for every part of a text. */
export const tokenize: StreamFunctionExtension = {
  kind: "stream-function",
  namespace: "str",
  name: "tokenize",
  description: "Makes an event of every part between what matches a regular expression; the part is `token`.",
  parameters: [
    { name: "input.string", types: ["string"], description: "The text to part.", isDynamic: true },
    { name: "regex", types: ["string"], description: "A regular expression in Java's syntax." },
    {
      name: "distinct",
      types: ["bool"],
      description: "Each part once only.",
      isOptional: true,
      default: "false",
    },
  ],
  overloads: [
    ["input.string", "regex"],
    ["input.string", "regex", "distinct"],
  ],
  returns: ["string"],
  examples: [
    {
      syntax: "from S#str:tokenize(room, '-') select token insert into Out;",
      description: "Two events for 'attic-north'.",
    },
  ],
  create(args, at) {
    const [text, pattern, distinct] = args;
    const name = "str:tokenize";
    const uncalled = () => fail(name, "it has no place in an expression");
    const regex = regexOf(
      { name, args, context: { now: uncalled, uuid: uncalled, random: uncalled }, at },
      1,
    )(String(pattern?.constant?.value));
    const isDistinct = distinct?.constant?.value === true;
    return {
      attributes: [{ name: "token", type: "string" }],
      expand: (e) => {
        const value = text?.fn(e) ?? null;
        const tokens = splitBy(value === null ? fail(name, "the text is null") : String(value), regex);
        return (isDistinct ? [...new Set(tokens)] : tokens).map((token) => [token]);
      },
    };
  },
};
