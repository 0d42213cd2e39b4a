import { thingConnectors } from "../cep/connectors.ts";
import type { ConnectorExtension, ParameterSpec } from "../cep/extension.ts";

const user: ParameterSpec = {
  name: "user",
  types: ["string"],
  description: "The app's handle of the user whose it is; {{attribute}} is replaced.",
};

/** Only the owner is alarmed by rules, and only by their own. */
const offered = thingConnectors.filter(({ kind, name }) => !(kind === "sink" && name === "alarm"));

const minimum: ParameterSpec = {
  name: "min.users",
  types: ["string"],
  description: "Withholds results whose attribute `users` is less, such as distinctCount(user).",
  isOptional: true,
};

/** The sources and sinks of an app's rule over what users granted to it. */
export const fleetConnectors: readonly ConnectorExtension[] = offered.map((connector) => {
  const { kind, name, parameters } = connector;
  if (kind === "source") {
    return { ...connector, description: "What things publish whose owners granted it to the app." };
  }
  if (name === "command") {
    return {
      ...connector,
      description: "Sends a command to a device, if its owner allowed the app to.",
      parameters: [user, ...parameters],
    };
  }
  if (name === "webhook") return { ...connector, parameters: [...parameters, minimum] };
  if (name !== "stream") return connector;
  return {
    ...connector,
    description: "Results for the developer; with `user`, for the app's own session with that user.",
    parameters: [{ ...user, isOptional: true }, minimum, ...parameters],
  };
});
