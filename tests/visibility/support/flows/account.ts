import { logInAsOwner } from "../../../../cli/owner-login.ts";
import type { ThirdPartyApp } from "../../../support/third-party-app.ts";
import { deleteAccount } from "../device-page.ts";
import { send, throughLogin } from "../forms.ts";
import { accepted, Link, textOf } from "../link.ts";
import { as } from "../network.ts";
import type { Scene } from "../scene.ts";

const LOOPBACK = "http://127.0.0.1/callback";

/** Who was deleted: nothing of this may lie in a row of any store, nor stand in the receipt. */
export interface Deleted {
  readonly ids: Readonly<Record<string, readonly string[]>>;
  readonly receipt: string;
}

/**
 * Carol adds a second login, comes back with a recovery code, has a device, an app and a rule, and deletes her
 * account.
 */
export async function liveAndLeave(scene: Scene, app: ThirdPartyApp): Promise<Deleted> {
  const { platform } = scene;
  const { didp, gateway } = platform.addresses;
  const strangers = new Set(await platform.pseudonyms());
  const carol = scene.person("carol");
  const identity = await scene.make();
  const { tokens, name } = await scene.own(identity, carol);
  const anon = (await platform.pseudonyms()).filter((one) => !strangers.has(one));
  if (anon.length !== 1) throw new Error("a first login makes one pseudonym");

  const account = await carol.open(new URL("/me/account", didp));
  const linked = await throughLogin(
    carol,
    await send(carol, account, /logins\/second$/, { decision: "add" }),
    "carol",
  );
  if (!linked.html.includes("was added")) throw new Error(`no login was added: "${linked.heading}"`);
  const shown = await send(carol, linked, /recovery-codes$/, { decision: "renew" });
  const codes = [...shown.html.matchAll(/<code>([^<]*)<\/code>/g)].map(([, code = ""]) => code);
  scene.plant("recoveryCode", ...codes, ...codes.map((code) => code.replaceAll(" ", "")));
  const returning = scene.person("carol");
  const form = await returning.open(new URL("/recover", didp));
  const inside = await send(returning, form, /recover$/, { code: codes[0] ?? "" });
  if (inside.heading !== "My account") throw new Error(`the code led to "${inside.heading}"`);

  const owner = await as("owner", () => logInAsOwner(didp, LOOPBACK, (url) => carol.consent(url, LOOPBACK)));
  const rule = `@source(type='things', property='temperature')
    define stream T (device string, value double);
    @sink(type='stream', topic='copies')
    define stream Copies (device string, value double);
    from T#window.length(5) select device, avg(value) as value insert into Copies;`;
  const deployed = await as("owner", () =>
    fetch(`${gateway}/v1/me/rules/copies`, {
      method: "PUT",
      headers: { authorization: `Bearer ${owner.accessToken}`, "content-type": "text/plain" },
      body: rule,
    }),
  );
  if (!deployed.ok) throw new Error(`the rule was refused: ${await deployed.text()}`);
  const link = await as("device", async () =>
    accepted(await Link.open({ url: tokens.gatewayUri }, tokens.accessToken)),
  );
  const carols = await as("owner", async () =>
    accepted(await Link.open({ url: owner.gatewayUri }, owner.accessToken)),
  );
  await carols.subscribe("#");
  const value = `24.${String(10_000_001 + 2 * Math.floor(Math.random() * 2 ** 24))}`;
  await link.publish(
    "telemetry/temperature",
    `[{"n":"temperature","u":"Cel","v":${value},"t":1513939781}]`,
    true,
  );
  const heard = await carols.message((packet) => textOf(packet).includes(value));
  await carols.message((packet) => packet.topicName === "rules/copies/copies");
  const handle = /^devices\/([^/]+)\//.exec(heard.topicName)?.[1] ?? "";
  scene.plant("deviceHandle", handle);
  const appTokens = await as("control", () => app.authorize(carol));
  const pseudonym = await platform.userBehind(owner.gatewayUri);
  scene.plant("gatewayUser", pseudonym);
  await as("owner", () => carol.open(new URL("/me/apps", didp)));

  const done = await deleteAccount(carol, didp);
  await link.end();
  await carols.end();
  const receipt = (await carol.open(new URL(`${done.url.pathname}/receipt`, didp))).html;
  return {
    ids: {
      "anonymous id": anon,
      "the gateway's pseudonym": [pseudonym],
      "device's handle": [handle],
      "owner's name for the device": [name],
      "data value": [value],
      "recovery codes": codes.map((code) => code.replaceAll(" ", "")),
      tokens: [tokens.accessToken, tokens.refreshToken, appTokens.accessToken, owner.accessToken],
      "the rule's text": ["window.length(5)"],
    },
    receipt,
  };
}
