import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { missing, target } from "../support/target.ts";

const reason = missing("ws", false);

test.skipIf(reason !== undefined)(
  `a text frame closes the connection with 1003 [MQTT-6.0.0-1] [MQTT-3.1.1:6.0.0-1]${reason ? ` (${reason})` : ""}`,
  async () => {
    const socket = new WebSocket(target.ws ?? "", ["mqtt"]);
    await new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    socket.send("text");
    expect(await new Promise<number>((resolve) => socket.once("close", resolve))).toBe(1003);
  },
);

test.skipIf(reason !== undefined)(
  "a connection that offers no subprotocol of MQTT is not given one [MQTT-6.0.0-3] [MQTT-6.0.0-4] [MQTT-3.1.1:6.0.0-3] [MQTT-3.1.1:6.0.0-4]",
  async () => {
    const socket = new WebSocket(target.ws ?? "", ["chat"]);
    const outcome = await new Promise<string>((resolve) => {
      socket.once("open", () => resolve(`accepted ${socket.protocol}`));
      // Refused with an HTTP status, or with no subprotocol, which this client takes for an error
      socket.once("unexpected-response", (_, { statusCode }) => resolve(`refused ${statusCode}`));
      socket.once("error", ({ message }) => resolve(message));
    });
    socket.terminate();
    expect(outcome).toMatch(/^refused 4\d\d$|no subprotocol|invalid subprotocol/i);
  },
);
