import { expect, test } from "vitest";
import { encode } from "../../../engines/mqtt/encoder.ts";
import type { Connect, ProtocolLevel } from "../../../engines/mqtt/packet.ts";
import { reasonCode } from "../../../engines/mqtt/reason-code.ts";
import { ConnectReader, refusal } from "./connect-reader.ts";

const connect = (protocolLevel: ProtocolLevel): Connect => ({
  type: "connect",
  protocolLevel,
  cleanStart: true,
  keepAliveSeconds: 60,
  mqttClientId: "a",
  userName: "Bearer",
  password: new TextEncoder().encode("token"),
});
const pingreq = new Uint8Array([0xc0, 0x00]);

test.each([3, 4, 5] as const)(
  "a CONNECT of level %i that arrives byte by byte is read, and every byte is kept",
  (level) => {
    const bytes = encode(connect(level), level);
    const reader = new ConnectReader();
    for (const byte of bytes.subarray(0, -1)) expect(reader.push(Uint8Array.of(byte))).toBeUndefined();
    const first = reader.push(bytes.subarray(-1));
    if (first?.kind !== "connect") throw new Error("no CONNECT");
    expect(first.connect).toMatchObject(connect(level));
    expect(first.received.flatMap((part) => [...part])).toEqual([...bytes]);
  },
);

test("what comes behind CONNECT in the same frame is kept for the personal cloud, even if it is malformed", () => {
  const bytes = encode(connect(5), 5);
  const malformed = Uint8Array.of(0x00, 0x00);
  const frame = Uint8Array.from([...bytes, ...pingreq, ...malformed]);
  const first = new ConnectReader().push(frame);
  expect(first?.kind).toBe("connect");
  expect(first?.kind === "connect" && first.received).toEqual([frame]);
});

test("anything before CONNECT is a failure", () => {
  expect(new ConnectReader().push(pingreq)).toMatchObject({
    kind: "failure",
    failure: { code: "PROTOCOL_ERROR" },
  });
});

test("a CONNECT that announces more than anybody needs is refused before it is collected", () => {
  const announced = Uint8Array.of(0x10, 0xff, 0xff, 0xff, 0x7f);
  expect(new ConnectReader().push(announced)).toMatchObject({
    kind: "failure",
    failure: { code: "PACKET_TOO_LARGE" },
  });
});

test("a refusal speaks the client's own level", () => {
  expect([...refusal(reasonCode.notAuthorized, 4)]).toEqual([0x20, 0x02, 0x00, 0x05]);
  expect([...refusal(reasonCode.notAuthorized, 5)]).toEqual([0x20, 0x03, 0x00, 0x87, 0x00]);
});
