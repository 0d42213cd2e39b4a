import type { Properties, TopicName } from "../mqtt/packet.ts";
import type { Message, MessageProperties } from "./message.ts";
import type { Mount } from "./mount.ts";

/**
 * What a publisher said about its message, in canonical names. A Response Topic outside the mount is left out.
 *
 * @see MQTT 5.0 §3.3.2.3
 */
export function canonicalProperties(
  mount: Mount,
  properties: Properties | undefined,
): MessageProperties | undefined {
  if (properties === undefined) return undefined;
  const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties } = properties;
  const canonicalResponse = responseTopic === undefined ? undefined : mount.toCanonical(responseTopic);
  const kept: MessageProperties = {
    ...(payloadFormatIndicator !== undefined && { payloadFormatIndicator }),
    ...(contentType !== undefined && { contentType }),
    ...(canonicalResponse !== undefined && { responseTopic: canonicalResponse }),
    ...(correlationData !== undefined && { correlationData }),
    ...(userProperties !== undefined && { userProperties }),
  };
  return Object.keys(kept).length === 0 ? undefined : kept;
}

/**
 * The same as one mount may see it. User properties could say who someone is, so they cross no border between
 * an app and the rest (IDENTITY.md §3.3).
 */
export function visibleProperties(mount: Mount, message: Message): Properties | undefined {
  const { properties, publisher } = message;
  if (properties === undefined) return undefined;
  const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties } = properties;
  const isForApp = mount.kind === "app" || publisher.kind === "app";
  const response: TopicName | undefined =
    responseTopic === undefined ? undefined : mount.toLocal(responseTopic);
  // [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20] unaltered
  return {
    ...(payloadFormatIndicator !== undefined && { payloadFormatIndicator }),
    ...(contentType !== undefined && { contentType }),
    ...(response !== undefined && { responseTopic: response }),
    ...(correlationData !== undefined && { correlationData }),
    ...(userProperties !== undefined && !isForApp && { userProperties }),
  };
}
