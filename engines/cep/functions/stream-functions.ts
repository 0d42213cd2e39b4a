import type { Ev } from "../event.ts";
import type { StreamFunctionExtension } from "../extension.ts";

const pol2Cart: StreamFunctionExtension = {
  kind: "stream-function",
  namespace: "",
  name: "pol2Cart",
  description: "Adds the cartesian coordinates x, y (and z) of polar ones.",
  parameters: [
    { name: "theta", types: ["double"], description: "The angle in degrees.", isDynamic: true },
    { name: "rho", types: ["double"], description: "The distance.", isDynamic: true },
    { name: "z", types: ["double"], description: "The height.", isOptional: true, isDynamic: true },
  ],
  overloads: [
    ["theta", "rho"],
    ["theta", "rho", "z"],
  ],
  returns: ["double"],
  examples: [
    {
      syntax: "from Polar#pol2Cart(theta, rho) select x, y insert into Out;",
      description: "Points in the plane.",
    },
  ],
  create: (args) => {
    const names = args.length === 3 ? ["x", "y", "z"] : ["x", "y"];
    return {
      attributes: names.map((name) => ({ name, type: "double" as const })),
      apply: (e: Ev) => {
        const [theta, rho, z] = args.map((a) => a.fn(e)) as [number, number, number | undefined]; // doubles: checked by the overloads
        const radians = (theta * Math.PI) / 180;
        const point = [rho * Math.cos(radians), rho * Math.sin(radians)];
        return z === undefined ? point : [...point, z];
      },
    };
  },
};

const log: StreamFunctionExtension = {
  kind: "stream-function",
  namespace: "",
  name: "log",
  description: "Passes events on; the shell counts them under the message.",
  parameters: [
    {
      name: "priority",
      types: ["string"],
      description: "INFO, DEBUG, WARN, FATAL, ERROR, OFF or TRACE.",
      isOptional: true,
      isDynamic: true,
    },
    {
      name: "log.message",
      types: ["string"],
      description: "The message.",
      isOptional: true,
      isDynamic: true,
    },
    {
      name: "is.event.logged",
      types: ["bool"],
      description: "Whether to log the event too.",
      isOptional: true,
    },
  ],
  overloads: [
    [],
    ["log.message"],
    ["is.event.logged"],
    ["log.message", "is.event.logged"],
    ["priority", "log.message"],
    ["priority", "log.message", "is.event.logged"],
  ],
  returns: [],
  examples: [
    { syntax: "from S#log('seen') select * insert into Out;", description: "Logs that events pass." },
  ],
  create: () => ({ attributes: [], apply: () => [] }),
};

/** Functions that stand behind a `#` in an input. */
export const streamFunctions: readonly StreamFunctionExtension[] = [pol2Cart, log];
