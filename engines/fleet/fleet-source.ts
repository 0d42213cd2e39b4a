import type { RuleSource } from "../streams/rule-source.ts";
import { fleetTransport, ruleSource } from "../streams/rule-source.ts";
import type { Make } from "../streams/wiring.ts";

/** A source of an app's rule: the app's own handles, and no name that a user gave. */
export const fleetSource: Make<RuleSource> = (annotation, stream, attributes) =>
  ruleSource(annotation, stream, attributes, fleetTransport);
