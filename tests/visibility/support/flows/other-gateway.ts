import { createServer, type Server } from "node:http";
import * as oauth from "oauth4webapi";
import type { Person } from "../../../../cli/sim/person.ts";
import { DeviceClient } from "../../../support/owned-device.ts";
import type { ThirdPartyApp } from "../../../support/third-party-app.ts";
import type { Captures } from "../captures.ts";
import { addressOf, as, callerAt } from "../network.ts";
import type { Scene } from "../scene.ts";

const local = { [oauth.allowInsecureRequests]: true } as const;

/** A host of its own: cookies of 127.0.0.1 go to every port of it, which no other operator would be sent. */
const HOST = "127.0.0.240";

/** A gateway of another operator: a selection page that agrees to everything, introspection, and an ear for events. */
export class OtherGateway {
  readonly uri: string;
  readonly #didp: string;
  readonly #keys: CryptoKeyPair;
  readonly #jwk: JsonWebKey;
  #server: Server | undefined;
  #as: oauth.AuthorizationServer | undefined;
  /** The user whose consent it concluded, as it knows them. */
  readonly users: string[] = [];
  readonly events: string[] = [];

  private constructor(uri: string, didp: string, keys: CryptoKeyPair, jwk: JsonWebKey) {
    this.uri = uri;
    this.#didp = didp;
    this.#keys = keys;
    this.#jwk = jwk;
  }

  static async at(port: number, didp: string): Promise<OtherGateway> {
    const keys = await oauth.generateKeyPair("ES256", { extractable: true });
    const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", keys.publicKey);
    return new OtherGateway(`http://${HOST}:${port}`, didp, keys, { kty, crv, x, y } as JsonWebKey); // an EC key's
  }

  /** For `EXTERNAL_GATEWAYS`. */
  get setting(): object {
    return { uri: this.uri, jwks: { keys: [this.#jwk] }, push_uri: `${this.uri}/events` };
  }

  async listen(captures: Captures): Promise<void> {
    this.#server = createServer((request, response) => {
      const told = [
        captures.open("otherGateway", "seen"),
        captures.open(otherSide(request.socket.remoteAddress), "seen"),
      ];
      told[0]?.(`from ${request.socket.remoteAddress}\n`);
      const chunks: Buffer[] = [];
      for (const tell of told) tell(`${request.method} ${request.url}\n${request.rawHeaders.join("\n")}\n\n`);
      request.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        for (const tell of told) tell(chunk);
      });
      request.on("end", () => {
        if (request.url === "/events") {
          this.events.push(Buffer.concat(chunks).toString());
          response.writeHead(202).end();
          return;
        }
        const ticket = new URL(request.url ?? "/", this.uri).pathname.split("/").at(-1) ?? "";
        this.#agree(ticket).then(
          (returnUri) => {
            for (const tell of told) tell(`location\n${returnUri}\n`);
            response.writeHead(303, { location: returnUri }).end();
          },
          (error: unknown) => response.writeHead(502, { "content-type": "text/plain" }).end(String(error)),
        );
      });
    });
    await new Promise<void>((resolve) => this.#server?.listen(Number(new URL(this.uri).port), HOST, resolve));
  }

  /** Its selection page, which asks nobody. @returns where the browser goes on. */
  async #agree(ticket: string): Promise<string> {
    const asked = await this.#post("/consent/redeem", { ticket });
    this.users.push(String(asked.user));
    const { return_uri } = await this.#post("/consent/conclude", { ticket, outcome: "approved" });
    return String(return_uri);
  }

  async introspect(token: string): Promise<oauth.IntrospectionResponse> {
    const client = { client_id: this.uri };
    const server = await this.#metadata();
    return oauth.processIntrospectionResponse(
      server,
      client,
      await oauth.introspectionRequest(
        server,
        client,
        oauth.PrivateKeyJwt(this.#keys.privateKey),
        token,
        local,
      ),
    );
  }

  async #post(path: string, fields: Record<string, string>): Promise<Record<string, unknown>> {
    return as("otherGateway", async () => {
      const body = new URLSearchParams(fields);
      const headers = new Headers();
      const sign = oauth.PrivateKeyJwt(this.#keys.privateKey);
      await sign(await this.#metadata(), { client_id: this.uri }, body, headers);
      const answer = await fetch(`${this.#didp}${path}`, { method: "POST", headers, body });
      if (!answer.ok) throw new Error(`${path}: HTTP ${answer.status}`);
      return (await answer.json()) as Record<string, unknown>; // an OAuth answer is an object
    });
  }

  async #metadata(): Promise<oauth.AuthorizationServer> {
    const issuer = new URL(this.#didp);
    this.#as ??= await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...local }),
    );
    return this.#as;
  }

  async close(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise<void>((resolve) =>
      this.#server === undefined ? resolve() : this.#server.close(() => resolve()),
    );
  }
}

/** The DIdP pushes from no party's own address. */
function otherSide(address: string | undefined) {
  return Object.values<string | undefined>(addressOf).includes(address) ? callerAt(address) : "didp";
}

/** An app and a device of alice's at the other gateway; the app lets go again. */
export async function useOtherGateway(
  scene: Scene,
  other: OtherGateway,
  alice: Person,
  app: ThirdPartyApp,
): Promise<void> {
  const verifier = oauth.generateRandomCodeVerifier();
  const request: Record<string, string> = { ...(await app.request(verifier)), resource: other.uri };
  const tokens = await as("tpa", async () => {
    const answer = await alice.consent(app.authorizationUrl(request), app.redirectUri);
    const callback = oauth.validateAuthResponse(app.server, app.client, answer, request.state ?? "");
    return app.exchange(callback, verifier);
  });
  scene.plant("otherToken", tokens.accessToken);
  const answer = await as("otherGateway", () => other.introspect(tokens.accessToken));
  if (!answer.active || answer.sub !== other.users[0])
    throw new Error("the other gateway was not told the user");
  scene.plant("otherUser", String(answer.sub));
  const identity = await scene.make();
  const client = new DeviceClient(scene.platform.addresses.didp, identity);
  const code = await as("device", () => client.switchOn({ resource: other.uri }));
  const name = scene.word("elsewhere");
  await alice.claim(new URL(identity.userRegistrationUri), { deviceName: name });
  const ofDevice = await as("device", () => client.poll(code));
  const known = await as("otherGateway", () => other.introspect(ofDevice.accessToken));
  if (!known.active || known.sub !== answer.sub) throw new Error("the device is not of the same user there");
  scene.plant("otherToken", ofDevice.accessToken, ofDevice.refreshToken);
  scene.plant("otherHandle", String(known.hdl));
  scene.plant("otherDeviceName", name);
  await as("tpa", () => app.revoke(tokens.refreshToken));
  if ((await as("otherGateway", () => other.introspect(tokens.accessToken))).active)
    throw new Error("the token outlived its grant");
  if (other.events.length < 2) throw new Error("the other gateway was not told of the claim and the end");
}
