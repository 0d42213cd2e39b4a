import type { FunctionExtension } from "../extension.ts";

/** `custom:fault()`, the one custom function of the cases' format: it says that it returns a double, and always fails. */
export function failing(error: () => Error): FunctionExtension {
  return {
    kind: "function",
    namespace: "custom",
    name: "fault",
    description: "Always fails.",
    parameters: [],
    returns: ["double"],
    examples: [],
    compile: () => ({
      type: "double",
      fn: () => {
        throw error();
      },
    }),
  };
}
