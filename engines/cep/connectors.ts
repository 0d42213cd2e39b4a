import type { ConnectorExtension, ParameterSpec } from "./extension.ts";

const topic: ParameterSpec = {
  name: "topic",
  types: ["string"],
  description: "The topic inside the engine's process.",
};

function connector(
  kind: ConnectorExtension["kind"],
  name: string,
  description: string,
  parameters: ParameterSpec[] = [],
  syntax = "",
): ConnectorExtension {
  return {
    kind,
    namespace: "",
    name,
    description,
    parameters,
    returns: [],
    examples: syntax === "" ? [] : [{ syntax, description }],
  };
}

/** Sources, sinks and mappings as the shells implement them; the engine checks their names and needed options. */
export const connectors: readonly ConnectorExtension[] = [
  connector(
    "source",
    "inMemory",
    "Takes events from a topic inside the process.",
    [topic],
    "@source(type='inMemory', topic='t', @map(type='passThrough'))",
  ),
  connector(
    "source",
    "things",
    "Takes what the owner's things publish.",
    [{ name: "topic", types: ["string"], description: "The topic filter, such as things/+/temperature." }],
    "@source(type='things', topic='things/+/temperature', @map(type='json'))",
  ),
  connector(
    "sink",
    "inMemory",
    "Gives events to a topic inside the process.",
    [topic],
    "@sink(type='inMemory', topic='t', @map(type='passThrough'))",
  ),
  connector(
    "sink",
    "log",
    "Counts events in the log; values are never logged.",
    [
      { name: "priority", types: ["string"], description: "The level.", isOptional: true },
      { name: "prefix", types: ["string"], description: "A word to put in front.", isOptional: true },
    ],
    "@sink(type='log', prefix='out')",
  ),
  connector(
    "sink",
    "command",
    "Sends a command to a thing.",
    [
      { name: "thing", types: ["string"], description: "The thing, or {{attribute}}." },
      { name: "action", types: ["string"], description: "The action to call." },
    ],
    "@sink(type='command', thing='{{lamp}}', action='off', @map(type='json'))",
  ),
  connector(
    "sink",
    "alarm",
    "Raises an alarm for the owner.",
    [{ name: "severity", types: ["string"], description: "info, warning or critical.", isOptional: true }],
    "@sink(type='alarm', severity='warning', @map(type='json'))",
  ),
  connector(
    "sink",
    "stream",
    "Publishes events under rules/{rule}/….",
    [{ name: "topic", types: ["string"], description: "The last part of the topic.", isOptional: true }],
    "@sink(type='stream', topic='mean', @map(type='senml'))",
  ),
  connector(
    "sink",
    "webhook",
    "Posts events to a URL that the owner has allowed.",
    [{ name: "url", types: ["string"], description: "The https URL." }],
    "@sink(type='webhook', url='https://example.org/hook', @map(type='json'))",
  ),
  connector("mapper", "passThrough", "Takes and gives rows as they are.", [], "@map(type='passThrough')"),
  connector("mapper", "json", "JSON objects, one member an attribute.", [], "@map(type='json')"),
  connector("mapper", "senml", "SenML packs (RFC 8428), one record an event.", [], "@map(type='senml')"),
  connector("mapper", "text", "Plain text, by a template.", [], "@map(type='text')"),
  connector("mapper", "keyvalue", "Maps of attribute names to values.", [], "@map(type='keyvalue')"),
];
