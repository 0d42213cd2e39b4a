import { expect, test } from "vitest";
import type { Connect } from "../mqtt/packet.ts";
import { connectToken } from "./connect-token.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const connect = (changes: Partial<Connect>): Connect => ({
  type: "connect",
  protocolLevel: 5,
  cleanStart: true,
  keepAliveSeconds: 0,
  mqttClientId: "a",
  ...changes,
});
const sasl = (method: string, data: string) =>
  connect({ properties: { authenticationMethod: method, authenticationData: utf8(data) } });

test("the password is the token, with user name Bearer or none", () => {
  expect(connectToken(connect({ userName: "Bearer", password: utf8("t") }))).toBe("t");
  expect(connectToken(connect({ password: utf8("t") }))).toBe("t");
});

test("OAUTHBEARER brings the token in the authentication data", () => {
  expect(connectToken(sasl("OAUTHBEARER", "n,,\u0001auth=Bearer t.o-k\u0001\u0001"))).toBe("t.o-k");
});

test.each([
  ["no credentials", connect({})],
  ["another user name", connect({ userName: "bearer", password: utf8("t") })],
  ["an empty password", connect({ userName: "Bearer", password: utf8("") })],
  ["a password that is no token", connect({ userName: "Bearer", password: utf8("two words") })],
  ["a password that is no text", connect({ userName: "Bearer", password: Uint8Array.of(0xff) })],
  ["a password longer than any token", connect({ userName: "Bearer", password: utf8("t".repeat(5000)) })],
  ["SASL data without a token", sasl("OAUTHBEARER", "n,,\u0001\u0001")],
])("%s is not authorized", (_, packet) => {
  expect(connectToken(packet)).toBe(0x87);
});

test("another authentication method is a bad one", () => {
  expect(connectToken(sasl("SCRAM-SHA-1", "n,,n=user,r=x"))).toBe(0x8c);
});
