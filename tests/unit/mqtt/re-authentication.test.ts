import { expect, test } from "vitest";
import { authorityOf, connectPacket, TestHome } from "../../../engines/broker/test-home.ts";

const method = { authenticationMethod: "OAUTHBEARER" };
const bearer = (token: string) => ({
  ...method,
  authenticationData: new TextEncoder().encode(`n,,\u0001auth=Bearer ${token}\u0001\u0001`),
});

/** An owner who connected with a token in the authentication data. */
function connected() {
  const home = new TestHome();
  for (const token of ["first", "second"]) home.tokens.set(token, authorityOf("owner", {}, home.nowMs));
  const client = home.socket("owner", { token: "first" });
  client.send({ ...connectPacket(), properties: bearer("first") });
  return client;
}

test("the method of CONNECT is repeated in CONNACK and in every AUTH [MQTT-4.12.0-5]", () => {
  const client = connected();
  expect(client.take()).toMatchObject([{ type: "connack", reasonCode: 0, properties: method }]);
  client.send({ type: "auth", reasonCode: 0x19, properties: bearer("second") });
  expect(client.take()).toEqual([{ type: "auth", reasonCode: 0, properties: method }]);
});

test("a failed re-authentication ends the connection, with the reason [MQTT-4.12.1-2]", () => {
  const client = connected();
  client.take();
  client.send({ type: "auth", reasonCode: 0x19, properties: bearer("unknown") });
  expect(client.take()).toEqual([{ type: "disconnect", reasonCode: 0x87 }]);
  expect(client.isClosed).toBe(true);
});
