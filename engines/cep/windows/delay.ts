import { CURRENT, type Ev } from "../event.ts";
import { constantNumber } from "../expression/compiled.ts";
import type { WindowExtension } from "../extension.ts";
import { TIME, TimedQueueWindow } from "./queue-window.ts";

class DelayWindow extends TimedQueueWindow {
  protected override pass(chunk: readonly Ev[], out: Ev[]): void {
    const now = this.host.now();
    for (const e of chunk) {
      this.passExpired(now, this.ms, out);
      if (e.type === CURRENT) this.keepTimed(e);
    }
  }
}

export const delayWindow: WindowExtension = {
  kind: "window",
  namespace: "",
  name: "delay",
  description: "Holds every event back for a time.",
  parameters: [{ name: "window.delay", types: TIME, description: "How long to hold it." }],
  overloads: [["window.delay"]],
  returns: [],
  examples: [
    {
      syntax: "from S#window.delay(1 hour) select temp insert into Out;",
      description: "What happened an hour ago.",
    },
  ],
  create:
    ({ args }) =>
    (host) =>
      new DelayWindow(host, constantNumber(args[0]) ?? 0),
};
