import type { Attribute } from "../cep/event.ts";
import { type Annotation, elementOf } from "../cep/parser/ast.ts";
import { type RuleSink, ruleSink, templateOf } from "../streams/rule-sink.ts";
import { wrong } from "../streams/rule-source.ts";

/**
 * One `@sink` of an app's rule. What names a `user` goes back into that user's personal cloud, where the app's grant
 * decides; the rest is the developer's.
 * @param allowLoopback lets webhooks go to `http://127.0.0.1:port/…`, for development on one's own machine
 * @throws CepError `WRONG_ANNOTATION`
 */
export function fleetSink(
  rule: string,
  annotation: Annotation,
  stream: string,
  attributes: readonly Attribute[],
  allowLoopback: boolean,
): RuleSink | undefined {
  const type = elementOf(annotation, "type");
  if (type === "alarm") wrong(annotation, "alarms are raised by the owner's rules", ["stream", "command"]);
  const sink = ruleSink(annotation, rule, stream, attributes, allowLoopback);
  if (sink === undefined) return undefined;
  const user = templateOf(annotation, "user", attributes);
  if (type === "command" && user === undefined) wrong(annotation, "a command needs a 'user'", ["user"]);
  if (elementOf(annotation, "retain") === "true") wrong(annotation, "nothing of an app's rule is retained");
  const isEnough = enoughUsers(annotation, attributes);
  return {
    ...sink,
    output(event, id) {
      if (!isEnough(event.row)) return undefined;
      const output = sink.output(event, id);
      if (output === undefined || user === undefined) return output;
      const whose = user(event.row);
      return whose === "" ? undefined : { ...output, user: whose };
    },
  };
}

/** `min.users`, or `undefined` where the rule sets none. @throws CepError `WRONG_ANNOTATION` */
export function minimumUsers(annotation: Annotation): number | undefined {
  const text = elementOf(annotation, "min.users");
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,5}$/.test(text)) wrong(annotation, "'min.users' is a whole number above 0");
  return Number(text);
}

function enoughUsers(
  annotation: Annotation,
  attributes: readonly Attribute[],
): (row: readonly unknown[]) => boolean {
  const least = minimumUsers(annotation);
  if (least === undefined) return () => true;
  const at = attributes.findIndex(({ name }) => name === "users");
  if (at < 0) wrong(annotation, "'min.users' needs an attribute 'users'", ["users"]);
  return (row) => Number(row[at] ?? 0) >= least;
}
