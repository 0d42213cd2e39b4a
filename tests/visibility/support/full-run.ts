import { randomBytes } from "node:crypto";
import * as oauth from "oauth4webapi";
import { logInAsOwner } from "../../../cli/owner-login.ts";
import { Person, type Ticks } from "../../../cli/sim/person.ts";
import { demoPeople } from "../../../demo/people.ts";
import type { PlatformOptions } from "../../../scripts/platform/platform.ts";
import type { DeviceIdentity } from "../../../sdk/device-identity.ts";
import { openFactory } from "../../support/manufacturer.ts";
import { type AppTokens, ThirdPartyApp } from "../../support/third-party-app.ts";
import { formsOf } from "./canary.ts";
import type { Canaries } from "./canary-names.ts";
import type { Captures } from "./captures.ts";
import { releaseDevice } from "./device-page.ts";
import { type Deleted, liveAndLeave } from "./flows/account.ts";
import { liveALife } from "./flows/device-life.ts";
import { DirectoryLogins } from "./flows/directory-logins.ts";
import { fetchOfEmployee, registerInBatches } from "./flows/factory-batches.ts";
import { OtherGateway, useOtherGateway } from "./flows/other-gateway.ts";
import { WebhookServer } from "./flows/webhook.ts";
import { accepted, Link, textOf } from "./link.ts";
import { addressOf, as, type Caller } from "./network.ts";
import { ObservedPlatform } from "./observed-platform.ts";
import { Scene } from "./scene.ts";

/** A full run, ended, with everything that everybody got hold of. */
export interface FullRun {
  readonly captures: Captures;
  readonly canaries: Canaries;
  /** The handle under which each app sees alice's first device, and bob's device for the control. */
  readonly handles: { readonly tpa: string; readonly tpa2: string; readonly control: string };
  /** What is left of carol, who deleted her account, in the rows of any store or in her receipt. */
  readonly remains: readonly string[];
}

const LOOPBACK = "http://127.0.0.1/callback";

/**
 * Walks every flow of the platform once with canaries: alice has two devices and two apps, bob has one of each; the
 * first app may see alice's first device only. Carol comes, and goes again with all that is hers.
 * @param firstPort the first of fourteen free ports.
 * @param plugins break the Workers on purpose (`mutants.ts`).
 */
export async function fullRun(firstPort: number, plugins: PlatformOptions["plugins"] = []): Promise<FullRun> {
  const directories = new DirectoryLogins(firstPort + 10);
  const other = await OtherGateway.at(firstPort + 12, `http://127.0.0.1:${firstPort + 6}`);
  const platform = await ObservedPlatform.start(firstPort, {
    uidps: directories.uidps,
    gateways: [other.setting],
    plugins,
  });
  const webhook = await WebhookServer.listen(platform.captures);
  let walked: Awaited<ReturnType<typeof walk>>;
  try {
    await other.listen(platform.captures);
    walked = await walk(platform, directories, other, webhook);
  } finally {
    // The servers of this run go first: whatever fails afterwards, the next run finds their ports free.
    await directories.stop();
    await other.close();
    await webhook.close();
    await platform.stop();
  }
  const canaries = { ...walked.canaries, anonymousId: [...platform.anonymousIds] };
  return {
    captures: platform.captures,
    canaries,
    handles: walked.handles,
    remains: remainsOf(walked.deleted, platform),
  };
}

function remainsOf({ ids, receipt }: Deleted, { rows }: ObservedPlatform): readonly string[] {
  const [, claims = ""] = receipt.split(".");
  const places = [
    { place: "the receipt", bytes: Buffer.concat([Buffer.from(receipt), Buffer.from(claims, "base64url")]) },
    ...rows
      .filter(({ table }) => !table.startsWith("_cf_"))
      .map(({ party, table, row }) => ({ place: `${party}, table ${table}`, bytes: row })),
  ];
  return Object.entries(ids).flatMap(([name, values]) => {
    const forms = values.flatMap((value) => formsOf(value));
    const found = places.filter(({ bytes }) => forms.some((form) => bytes.includes(form)));
    return [...new Set(found.map(({ place }) => place))].map((place) => `${name}: ${place}`);
  });
}

async function walk(
  platform: ObservedPlatform,
  directories: DirectoryLogins,
  other: OtherGateway,
  webhook: WebhookServer,
): Promise<{ canaries: Canaries; handles: FullRun["handles"]; deleted: Deleted }> {
  const { addresses, captures } = platform;
  const { didp, gateway } = addresses;
  const socket = gateway.replace("http", "ws");
  const mqttPort = Number(new URL(addresses.mqtt).port);

  // Made. What stands on the device and on its label is known to whoever holds them, by their nature.
  const factory = await as("operator", () => openFactory(didp, platform.secrets.operatorToken));
  const scene = new Scene(platform, factory);
  const [alice, bob] = [scene.person("alice"), scene.person("bob")];
  const [first, second, third] = [await scene.make(), await scene.make(), await scene.make()];

  // Claimed: over HTTP, over the DIdP's MQTT endpoint, and by another person.
  const { client, tokens } = await scene.own(first, alice);
  let firstTokens = tokens;
  const shelfName = scene.word("named");
  scene.plant("deviceName", shelfName);
  const secondTokens = await claimOverMqtt(second, mqttEndpointOf(second, captures), () =>
    alice.claim(new URL(second.userRegistrationUri), { deviceName: shelfName }),
  );
  scene.plant("deviceTokens", secondTokens.accessToken, secondTokens.refreshToken);
  const { tokens: thirdTokens } = await scene.own(third, bob);

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
  scene.plant("webhookSecret", await webhook.deployRule(gateway, ownerTokens.accessToken));

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
  const appNames = [scene.word("first-app"), scene.word("second-app"), scene.word("control-app")];
  const apps = [];
  for (const [index, caller] of (["tpa", "tpa2", "control"] as const).entries())
    apps.push(await as(caller, () => ThirdPartyApp.register(gateway, appNames[index] ?? "")));
  const [tpa, tpa2, control] = apps as [ThirdPartyApp, ThirdPartyApp, ThirdPartyApp]; // one for each caller
  const ticks: Ticks = deviceHandles.slice(0, 1);
  let tpaTokens = await as("tpa", () => authorizePushed(tpa, alice, { read: ticks, command: ticks }));
  const tpa2Tokens = await as("tpa2", () => tpa2.authorize(alice));
  const controlTokens = await as("control", () => control.authorize(bob));
  scene.plant("appTokens", tpaTokens.accessToken, tpaTokens.refreshToken);

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
  const command = scene.word("command");
  await firstApp.publish(
    `devices/${handleIn(seen.topicName)}/command/led`,
    JSON.stringify({ id: command, value: true }),
  );
  await lamp.message((packet) => textOf(packet).includes(command));
  await lamp.publish("command/led/reply", JSON.stringify({ id: command, status: "done", value: true }));
  await firstApp.message((packet) => packet.topicName.endsWith("/reply"));
  await owner.message((packet) => packet.topicName === "rules/copies/copies");
  await webhook.posted();

  // Renewed, looked up by somebody who may not, ended in every way.
  firstTokens = await scene.tokensOf(() => client.refresh(firstTokens.refreshToken));
  tpaTokens = await as("tpa", () => tpa.refresh(tpaTokens.refreshToken));
  scene.plant("appTokens", tpaTokens.accessToken, tpaTokens.refreshToken);
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

  // Whatever else there is: other logins, batches, the life of a device, another gateway, a ban, the end.
  await directories.walk(scene);
  await registerInBatches(scene, new Person({ login: "bob", fetch: fetchOfEmployee() }));
  await liveALife(scene, alice, bob);
  await useOtherGateway(scene, other, alice, tpa);
  const deleted = await liveAndLeave(scene, control);
  const again = await as("tpa", () => tpa.authorize(alice, { read: ticks }));
  scene.plant("appTokens", again.accessToken, again.refreshToken);
  const banned = await linkAs("tpa", { url: `${socket}/mqtt` }, again.accessToken);
  await as("operator", () => scene.operator.ask("POST", `/apps/${tpa.client.client_id}/ban`));
  await banned.end();
  await scene.platform.pseudonyms();
  for (const link of [owner, lamp, shelf, thirdApp]) link.cut();

  const people = demoPeople.filter(({ login }) => ["alice", "bob", "carol"].includes(login));
  for (const one of people) captures.add("uidp", "kept", JSON.stringify(one)); // its own directory
  scene.plant("appClientId", tpa.client.client_id);
  scene.plant("subject", ...people.map(({ subject }) => subject));
  scene.plant("email", ...people.map(({ email }) => email));
  scene.plant("personName", ...people.map(({ name }) => name));
  scene.plant("gatewayApp", await platform.appHere(tpa.client.client_id));
  scene.plant("gatewayUser", await platform.userBehind(tpaTokens.gatewayUri));
  scene.plant("deviceHandle", ...deviceHandles);
  scene.plant("pairwiseHandle", handleIn(seen.topicName));
  scene.plant("value", value);
  scene.plant("unselectedValue", unselectedValue);
  scene.plant("command", command);
  scene.plant("appName", ...appNames.slice(0, 1));
  scene.plant("ownerAddress", addressOf.owner);
  scene.plant("deviceAddress", addressOf.device);
  scene.plant("appAddress", addressOf.tpa);
  return {
    canaries: scene.canaries,
    deleted,
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
