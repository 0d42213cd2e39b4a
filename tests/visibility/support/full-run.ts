import { randomBytes } from "node:crypto";
import * as oauth from "oauth4webapi";
import { logInAsOwner } from "../../../cli/owner-login.ts";
import { Person, type Ticks } from "../../../cli/sim/person.ts";
import { demoPeople } from "../../../demo/people.ts";
import { fromBase64url } from "../../../engines/oauth/base64url.ts";
import { RouteSealer } from "../../../engines/oauth/sealed-route.ts";
import type { DeviceIdentity } from "../../../sdk/device-identity.ts";
import { openFactory } from "../../support/manufacturer.ts";
import { DeviceClient } from "../../support/owned-device.ts";
import { type AppTokens, ThirdPartyApp } from "../../support/third-party-app.ts";
import type { Captures } from "./captures.ts";
import { releaseDevice } from "./device-page.ts";
import { accepted, Link, textOf } from "./link.ts";
import { addressOf, as, type Caller, fetchFrom } from "./network.ts";
import { ObservedPlatform } from "./observed-platform.ts";

/** What was put in, or was made on the way, and is looked for everywhere afterwards. */
export type Canaries = Readonly<Record<CanaryName, readonly string[]>>;
/** The rows of the matrix. */
export type CanaryName =
  | "hardware"
  | "deviceClientId"
  | "deviceSecret"
  | "appClientId"
  | "claimCode"
  | "subject"
  | "email"
  | "personName"
  | "anonymousId"
  | "gatewayUser"
  | "deviceHandle"
  | "pairwiseHandle"
  | "deviceTokens"
  | "appTokens"
  | "value"
  | "unselectedValue"
  | "command"
  | "deviceName"
  | "appName"
  | "ownerAddress"
  | "deviceAddress"
  | "appAddress";

/** A full run, ended, with everything that everybody got hold of. */
export interface FullRun {
  readonly captures: Captures;
  readonly canaries: Canaries;
  /** The handle under which each app sees alice's first device, and bob's device for the control. */
  readonly handles: { readonly tpa: string; readonly tpa2: string; readonly control: string };
}

const LOOPBACK = "http://127.0.0.1/callback";

/**
 * Walks every flow of the platform once with canaries: alice has two devices and two apps, bob has one of each; the
 * first app may see alice's first device only.
 */
export async function fullRun(firstPort: number): Promise<FullRun> {
  const platform = await ObservedPlatform.start(firstPort);
  try {
    const told = await walk(platform);
    await platform.stop();
    const canaries = { ...told.canaries, anonymousId: platform.anonymousIds };
    return { captures: platform.captures, canaries, handles: told.handles };
  } catch (error) {
    await platform.stop();
    throw error;
  }
}

async function walk(platform: ObservedPlatform): Promise<{
  canaries: Omit<Canaries, "anonymousId">;
  handles: FullRun["handles"];
}> {
  const { addresses, captures } = platform;
  const { didp, gateway } = addresses;
  const socket = gateway.replace("http", "ws");
  const mqttPort = Number(new URL(addresses.mqtt).port);
  const person = (login: string) => new Person({ login, fetch: fetchFrom("owner") });
  const [alice, bob] = [person("alice"), person("bob")];
  const word = (kind: string) => `${kind}-${randomBytes(6).toString("hex")}`;

  // Made. What stands on the device and on its label is known to whoever holds them, by their nature.
  const factory = await as("operator", () => openFactory(didp, platform.secrets.operatorToken));
  const serials = [word("serial"), word("serial"), word("serial")];
  const made = await as("manufacturer", async () => {
    const identities: DeviceIdentity[] = [];
    for (const deviceRef of serials) {
      identities.push(
        await factory.register({ name: "n", product: "room-node", title: "Room node", deviceRef }),
      );
      captures.add("manufacturer", "seen", deviceRef);
    }
    return identities;
  });
  const [first, second, third] = made as [DeviceIdentity, DeviceIdentity, DeviceIdentity]; // three were made
  for (const [index, identity] of made.entries()) {
    captures.add("device", "kept", `${serials[index]} ${identity.clientId} ${identity.clientSecret}`);
  }

  // Claimed: over HTTP, over the DIdP's MQTT endpoint, and by another person.
  const names = [word("alices-lamp"), word("alices-shelf"), word("bobs-room")];
  const client = new DeviceClient(didp, first);
  const code = await as("device", () => client.switchOn());
  await alice.claim(new URL(first.userRegistrationUri), { deviceName: names[0] ?? "" });
  let firstTokens = await as("device", () => client.poll(code));
  const tokensOfDevices = [firstTokens.accessToken, firstTokens.refreshToken];
  const secondTokens = await claimOverMqtt(second, mqttEndpointOf(second, captures), () =>
    alice.claim(new URL(second.userRegistrationUri), { deviceName: names[1] ?? "" }),
  );
  tokensOfDevices.push(secondTokens.accessToken, secondTokens.refreshToken);
  const bobs = new DeviceClient(didp, third);
  const bobsCode = await as("device", () => bobs.switchOn());
  await bob.claim(new URL(third.userRegistrationUri), { deviceName: names[2] ?? "" });
  const thirdTokens = await as("device", () => bobs.poll(bobsCode));
  tokensOfDevices.push(thirdTokens.accessToken, thirdTokens.refreshToken);

  // The owner's own tool, with the token in the upgrade.
  const ownerTokens = await as("owner", () =>
    logInAsOwner(didp, LOOPBACK, (url) => alice.consent(url, LOOPBACK)),
  );
  const owner = await linkAs("owner", {
    url: `${socket}/mqtt`,
    headers: { authorization: `Bearer ${ownerTokens.accessToken}` },
  });
  await owner.subscribe("devices/#");
  const rule = `@source(type='things', property='temperature')
    define stream T (device string, value double);
    @sink(type='stream', topic='copies')
    define stream Copies (device string, value double);
    from T select device, value insert into Copies;`;
  const deployed = await as("owner", () =>
    fetch(`${gateway}/v1/me/rules/copies`, {
      method: "PUT",
      headers: { authorization: `Bearer ${ownerTokens.accessToken}`, "content-type": "text/plain" },
      body: rule,
    }),
  );
  if (!deployed.ok) throw new Error(`the rule was refused: ${await deployed.text()}`);
  await owner.subscribe("rules/#");

  // Online: by the sealed route, by TCP, by the sealed route again.
  const value = `21.${randomDigits()}`;
  const unselectedValue = `22.${randomDigits()}`;
  const lamp = await linkAs("device", { url: firstTokens.gatewayUri }, firstTokens.accessToken);
  await lamp.subscribe("command/#");
  const shelf = await linkAs("device", { tcpPort: mqttPort }, secondTokens.accessToken);
  const room = await linkAs("device", { url: thirdTokens.gatewayUri }, thirdTokens.accessToken);
  const reading = (text: string) => `[{"n":"temperature","u":"Cel","v":${text},"t":1513939781}]`;
  await lamp.publish("telemetry/temperature", reading(value), true);
  const ofLamp = await owner.message((packet) => textOf(packet).includes(value));
  await shelf.publish("telemetry/temperature", reading(unselectedValue), true);
  const ofShelf = await owner.message((packet) => textOf(packet).includes(unselectedValue));
  await room.publish("telemetry/temperature", reading("23.5"), true);
  const handleIn = (topic: string) => /^devices\/([^/]+)\//.exec(topic)?.[1] ?? "";
  const deviceHandles = [handleIn(ofLamp.topicName), handleIn(ofShelf.topicName)];

  // Shared: by a pushed request with one device, by a plain one with two, by bob.
  const appNames = [word("first-app"), word("second-app"), word("control-app")];
  const apps = [];
  for (const [index, caller] of (["tpa", "tpa2", "control"] as const).entries())
    apps.push(await as(caller, () => ThirdPartyApp.register(gateway, appNames[index] ?? "")));
  const [tpa, tpa2, control] = apps as [ThirdPartyApp, ThirdPartyApp, ThirdPartyApp]; // one for each caller
  const ticks: Ticks = deviceHandles.slice(0, 1);
  let tpaTokens = await as("tpa", () => authorizePushed(tpa, alice, { read: ticks, command: ticks }));
  const tpa2Tokens = await as("tpa2", () => tpa2.authorize(alice));
  const controlTokens = await as("control", () => control.authorize(bob));
  const tokensOfApps = [tpaTokens, tpa2Tokens, controlTokens].flatMap((tokens) => [
    tokens.accessToken,
    tokens.refreshToken,
  ]);

  // The apps listen, each by another way in; the first switches the lamp.
  const firstApp = await linkAs("tpa", {
    url: `${socket}/mqtt`,
    subprotocols: ["mqtt", `bearer.${tpaTokens.accessToken}`],
  });
  const secondApp = await linkAs("tpa2", { url: `${socket}/mqtt` }, tpa2Tokens.accessToken);
  const thirdApp = await linkAs("control", { url: controlTokens.gatewayUri }, controlTokens.accessToken);
  for (const link of [firstApp, secondApp, thirdApp]) await link.subscribe("#");
  const seen = await firstApp.message((packet) => textOf(packet).includes(value));
  const seenBySecond = await secondApp.message((packet) => textOf(packet).includes(value));
  const unselectedSeenBySecond = await secondApp.message((packet) =>
    textOf(packet).includes(unselectedValue),
  );
  const seenByThird = await thirdApp.message((packet) => textOf(packet).includes("23.5"));
  const command = word("command");
  await firstApp.publish(
    `devices/${handleIn(seen.topicName)}/command/led`,
    JSON.stringify({ id: command, value: true }),
  );
  await lamp.message((packet) => textOf(packet).includes(command));
  await lamp.publish("command/led/reply", JSON.stringify({ id: command, status: "done", value: true }));
  await firstApp.message((packet) => packet.topicName.endsWith("/reply"));
  await owner.message((packet) => packet.topicName === "rules/copies/copies");

  // Renewed, looked up by somebody who may not, ended in every way.
  firstTokens = await as("device", () => client.refresh(firstTokens.refreshToken));
  tpaTokens = await as("tpa", () => tpa.refresh(tpaTokens.refreshToken));
  tokensOfDevices.push(firstTokens.accessToken, firstTokens.refreshToken);
  tokensOfApps.push(tpaTokens.accessToken, tpaTokens.refreshToken);
  await as("tpa", () =>
    fetch(`${didp}/introspect`, {
      method: "POST",
      body: new URLSearchParams({ token: tpaTokens.accessToken, client_id: tpa.client.client_id }),
    }),
  );
  await as("owner", async () => {
    await alice.open(new URL("/me/devices", didp));
    await alice.revokeApp(didp, appNames[1] ?? "");
    await releaseDevice(bob, didp);
  });
  await secondApp.end();
  await room.end();
  await as("tpa", () => tpa.revoke(tpaTokens.refreshToken));
  await firstApp.end();
  await as("device", () => client.refresh(firstTokens.refreshToken));
  for (const link of [owner, lamp, shelf, thirdApp]) link.cut();

  const people = demoPeople.filter(({ login }) => ["alice", "bob"].includes(login));
  for (const one of people) captures.add("uidp", "kept", JSON.stringify(one)); // its own directory
  const sealer = new RouteSealer(bytesOf(platform.secrets.routeKey));
  const user = await sealer.unseal(tpaTokens.gatewayUri.split("/").at(-1) ?? "");
  return {
    canaries: {
      hardware: serials,
      deviceClientId: made.map(({ clientId }) => clientId),
      deviceSecret: made.map(({ clientSecret }) => clientSecret),
      appClientId: [tpa.client.client_id],
      claimCode: made.map(({ userCode }) => userCode),
      subject: people.map(({ subject }) => subject),
      email: people.map(({ email }) => email),
      personName: people.map(({ name }) => name),
      gatewayUser: [String(user)],
      deviceHandle: deviceHandles,
      pairwiseHandle: [handleIn(seen.topicName)],
      deviceTokens: tokensOfDevices,
      appTokens: tokensOfApps.slice(0, 2),
      value: [value],
      unselectedValue: [unselectedValue],
      command: [command],
      deviceName: names,
      appName: appNames.slice(0, 1),
      ownerAddress: [addressOf.owner],
      deviceAddress: [addressOf.device],
      appAddress: [addressOf.tpa],
    },
    handles: {
      tpa: handleIn(seen.topicName),
      tpa2: `${handleIn(seenBySecond.topicName)} ${handleIn(unselectedSeenBySecond.topicName)}`,
      control: handleIn(seenByThird.topicName),
    },
  };
}

/** RFC 8628 over the DIdP's own MQTT endpoint (IDENTITY.md §2.D). */
async function claimOverMqtt(identity: DeviceIdentity, endpoint: string, claim: () => Promise<unknown>) {
  const link = await linkAs("device", { url: endpoint }, identity.clientSecret, {
    userName: identity.clientId,
  });
  await link.subscribe("oauth/res");
  await link.publish("oauth/device_authorization", JSON.stringify({ id: "1" }));
  await link.message((packet) => textOf(packet).includes("device_code"));
  await claim();
  const pushed = await link.message((packet) => textOf(packet).includes("access_token"));
  link.cut();
  const { access_token, refresh_token } = JSON.parse(textOf(pushed)) as Record<string, string>; // 2.D
  return { accessToken: String(access_token), refreshToken: String(refresh_token) };
}

/** Where the factory was told that the device's own MQTT endpoint is. */
function mqttEndpointOf({ clientId }: DeviceIdentity, captures: Captures): string {
  const answers = captures.of(["manufacturer"]).map(String);
  const endpoint = answers
    .filter((answer) => answer.includes(clientId))
    .map((answer) => /"mqtt_token_endpoint":"([^"]+)"/.exec(answer)?.[1])
    .find((found) => found !== undefined);
  if (endpoint === undefined) throw new Error("no registration answer names the MQTT endpoint");
  return endpoint;
}

/** The authorization request is pushed first (RFC 9126). */
async function authorizePushed(
  app: ThirdPartyApp,
  person: Person,
  ticks: { read: Ticks; command: Ticks },
): Promise<AppTokens> {
  const verifier = oauth.generateRandomCodeVerifier();
  const request = await app.request(verifier);
  const local = { [oauth.allowInsecureRequests]: true } as const;
  const { request_uri } = await oauth.processPushedAuthorizationResponse(
    app.server,
    app.client,
    await oauth.pushedAuthorizationRequest(app.server, app.client, oauth.None(), request, local),
  );
  const url = app.authorizationUrl({ client_id: app.client.client_id, request_uri });
  const answer = await person.consent(url, app.redirectUri, ticks);
  return app.exchange(
    oauth.validateAuthResponse(app.server, app.client, answer, request.state ?? ""),
    verifier,
  );
}

function linkAs(
  caller: Caller,
  carrier: Parameters<typeof Link.open>[0],
  token?: string,
  changes?: Parameters<typeof Link.open>[2],
): Promise<Link> {
  return as(caller, async () => accepted(await Link.open(carrier, token, changes)));
}

/** Eight digits after the point: as many as a number in JSON keeps whoever reads and writes it again. */
function randomDigits(): string {
  return String(10_000_001 + 2 * randomBytes(3).readUIntBE(0, 3));
}

function bytesOf(key: string): Uint8Array<ArrayBuffer> {
  const bytes = fromBase64url(key);
  if (bytes === undefined) throw new Error("the route key is not base64url");
  return new Uint8Array(bytes);
}
