import { CepError } from "../cep-error.ts";
import { CURRENT, copyAs, type Ev, EXPIRED } from "../event.ts";
import { constantNumber } from "../expression/compiled.ts";
import type { WindowExtension } from "../extension.ts";
import type { Host } from "../runtime/processor.ts";
import { QueueWindow, TIME } from "./queue-window.ts";

class ExternalTimeWindow extends QueueWindow {
  readonly #ms: number;
  readonly #timeOf: (e: Ev) => number;
  constructor(host: Host, timeOf: (e: Ev) => number, ms: number) {
    super(host);
    this.#timeOf = timeOf;
    this.#ms = ms;
  }
  protected override pass(chunk: readonly Ev[], out: Ev[]): void {
    for (const e of chunk) {
      if (e.type !== CURRENT) {
        out.push(e);
        continue;
      }
      const now = this.#timeOf(e);
      for (
        let head = this.queue.peek();
        head !== undefined && this.#timeOf(head) - now + this.#ms <= 0;
        head = this.queue.peek()
      ) {
        this.drop();
        head.ts = now;
        out.push(head);
      }
      this.keep(copyAs(e, EXPIRED));
      out.push(e);
    }
  }
}

export const externalTimeWindow: WindowExtension = {
  kind: "window",
  namespace: "",
  name: "externalTime",
  description: "A sliding time window that goes by a timestamp of the events.",
  parameters: [
    {
      name: "timestamp",
      types: ["long"],
      description: "The attribute that holds the time (ms), not falling.",
      isDynamic: true,
    },
    { name: "window.time", types: TIME, description: "How long an event stays." },
  ],
  overloads: [["timestamp", "window.time"]],
  returns: [],
  examples: [
    {
      syntax: "from S#window.externalTime(eventTime, 20 sec) select temp insert into Out;",
      description: "Twenty seconds by eventTime.",
    },
  ],
  create: ({ args, at }) => {
    if (args[0]?.constant !== undefined)
      throw new CepError("WRONG_PARAMETERS", "externalTime() goes by a timestamp of the events", {
        offset: at.start,
        length: at.end - at.start,
        expected: ["an attribute"],
      });
    const timeOf = args[0]?.fn as (e: Ev) => number; // long: checked by the overload
    return (host) => new ExternalTimeWindow(host, timeOf, constantNumber(args[1]) ?? 0);
  },
};
