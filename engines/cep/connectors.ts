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

const option = (name: string, description: string): ParameterSpec => ({
  name,
  types: ["string"],
  description,
  isOptional: true,
});

/** Sources and sinks of rules over the things of owners, as `engines/streams` runs them. */
export const thingConnectors: readonly ConnectorExtension[] = [
  {
    kind: "source",
    namespace: "",
    isClosed: true,
    name: "things",
    description: "What the owner's things publish: telemetry, events and state.",
    parameters: [
      option("topic", "Topic filter in the owner's tree, such as devices/+/telemetry/temperature."),
      option("property", "Short for devices/+/telemetry/{property}."),
      option("event", "Short for devices/+/event/{event}."),
      option("device", "Only this device: its handle, or the owner's name for it."),
    ],
    returns: [],
    examples: [
      {
        syntax: "@source(type='things', property='temperature', @map(type='senml'))",
        description: "Every temperature of every device.",
      },
    ],
  },
  {
    kind: "sink",
    namespace: "",
    isClosed: true,
    name: "command",
    description: "Sends a command to one of the owner's things.",
    parameters: [
      {
        name: "device",
        types: ["string"],
        description: "Handle or the owner's name; {{attribute}} is replaced.",
      },
      { name: "action", types: ["string"], description: "The action's name; {{attribute}} is replaced." },
      option("value", "The command's value; without it the attribute `value`, else all attributes."),
    ],
    returns: [],
    examples: [
      {
        syntax: "@sink(type='command', device='{{device}}', action='led', value='{{on}}')",
        description: "Switches the light of the device that the event is about.",
      },
    ],
  },
  {
    kind: "sink",
    namespace: "",
    isClosed: true,
    name: "alarm",
    description: "Raises an alarm for the owner, kept at alarms/{id} until it is cleared.",
    parameters: [
      option("id", "What the alarm is about; the same id replaces the alarm. {{attribute}} is replaced."),
      option("severity", "info, warning (the default) or critical; {{attribute}} is replaced."),
      option("title", "One line for people; {{attribute}} is replaced."),
      option("state", "raised (the default) or cleared; {{attribute}} is replaced."),
    ],
    returns: [],
    examples: [
      {
        syntax: "@sink(type='alarm', id='{{device}}', title='{{name}} is too warm')",
        description: "One alarm a device.",
      },
    ],
  },
  {
    kind: "sink",
    namespace: "",
    isClosed: true,
    name: "stream",
    description: "Publishes events at rules/{rule}/{stream}.",
    parameters: [
      option("topic", "The last part of the topic; without it the stream's name."),
      option("retain", "true: the last event is kept for who subscribes later."),
    ],
    returns: [],
    examples: [
      { syntax: "@sink(type='stream', topic='mean', @map(type='senml'))", description: "rules/{rule}/mean" },
    ],
  },
  {
    kind: "sink",
    namespace: "",
    isClosed: true,
    name: "webhook",
    description:
      "Posts events to a server outside, as CloudEvents 1.0 in JSON, signed (Standard Webhooks) and sent again until it answers 2xx.",
    parameters: [
      {
        name: "url",
        types: ["string"],
        description: "Where to: https, a public name, no port; as it stands, without {{attribute}}.",
      },
      option(
        "event",
        "What kind of event it is; the type is edgenym.rule.{event}. Without it the stream's name.",
      ),
      option("subject", "What it is about; {{attribute}} is replaced."),
    ],
    returns: [],
    examples: [
      {
        syntax: "@sink(type='webhook', url='https://example.org/hook', event='too-warm', subject='{{name}}')",
        description: "Tells a server of the owner's choice.",
      },
    ],
  },
];

/** All sources, sinks and mappings; the engine checks their names and needed options, a shell runs those it has. */
export const connectors: readonly ConnectorExtension[] = [
  connector(
    "source",
    "inMemory",
    "Takes events from a topic inside the process.",
    [topic],
    "@source(type='inMemory', topic='t', @map(type='passThrough'))",
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
  ...thingConnectors,
  connector("mapper", "passThrough", "Takes and gives rows as they are.", [], "@map(type='passThrough')"),
  connector("mapper", "json", "JSON objects, one member an attribute.", [], "@map(type='json')"),
  connector("mapper", "senml", "SenML packs (RFC 8428), one record an event.", [], "@map(type='senml')"),
  connector("mapper", "text", "Plain text, by a template.", [], "@map(type='text')"),
  connector("mapper", "keyvalue", "Maps of attribute names to values.", [], "@map(type='keyvalue')"),
];
