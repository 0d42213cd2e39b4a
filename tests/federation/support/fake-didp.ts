import { createServer, type Server, type ServerResponse } from "node:http";
import type { JWTPayload } from "jose";
import { base64url } from "../../../engines/oauth/base64url.ts";
import { issuerTag } from "../../../engines/oauth/issuer-tag.ts";
import { type SigningKey, signingKeyFrom } from "../../../engines/oauth/signing-key.ts";

/** What it was asked. */
export interface Question {
  readonly path: string;
  readonly form: URLSearchParams;
}

export type Answer = (question: Question, response: ServerResponse) => void;

/** Answers with this as JSON. */
export const json =
  (body: unknown): Answer =>
  (_, response) =>
    void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));

/** Another operator's DIdP that says whatever a test wants, and keeps what it is shown. */
export class FakeDidp {
  readonly issuer: string;
  readonly asked: Question[] = [];
  readonly #key: SigningKey;
  readonly #server: Server;
  /** To everything but its metadata and keys. */
  answer: Answer = json({ active: false });
  /** Over its metadata. */
  describe: Readonly<Record<string, unknown>> = {};

  private constructor(issuer: string, key: SigningKey, server: Server) {
    this.issuer = issuer;
    this.#key = key;
    this.#server = server;
  }

  static async start(port: number): Promise<FakeDidp> {
    const key = await signingKeyFrom(crypto.getRandomValues(new Uint8Array(32)));
    const server = createServer();
    const didp = new FakeDidp(`http://127.0.0.1:${port}`, key, server);
    server.on("request", (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const form = new URLSearchParams(Buffer.concat(chunks).toString());
        didp.#take({ path: request.url ?? "", form }, response);
      });
    });
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    return didp;
  }

  #take(question: Question, response: ServerResponse): void {
    const { issuer } = this;
    if (question.path.startsWith("/.well-known/")) {
      json({
        issuer,
        introspection_endpoint: `${issuer}/introspect`,
        jwks_uri: `${issuer}/jwks`,
        consent_redemption_endpoint: `${issuer}/consent/redeem`,
        consent_conclusion_endpoint: `${issuer}/consent/conclude`,
        ...this.describe,
      })(question, response);
    } else if (question.path === "/jwks") {
      json({ keys: [this.#key.publicJwk] })(question, response);
    } else {
      this.asked.push(question);
      this.answer(question, response);
    }
  }

  /** A token, or a ticket, of the form that its issuer makes. */
  async token(): Promise<string> {
    return base64url(crypto.getRandomValues(new Uint8Array(42))) + (await issuerTag(this.issuer));
  }

  /** Pushes a security event token to a gateway; `changes` replace claims. */
  async push(gateway: string, changes: JWTPayload): Promise<Response> {
    const token = await this.#key.sign(
      {
        iss: this.issuer,
        aud: gateway,
        iat: Math.floor(Date.now() / 1000),
        jti: crypto.randomUUID(),
        ...changes,
      },
      "secevent+jwt",
    );
    return pushToken(gateway, token);
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

/** RFC 8935 §2. */
export function pushToken(
  gateway: string,
  body: string,
  type = "application/secevent+jwt",
): Promise<Response> {
  return fetch(`${gateway}/security-events`, {
    method: "POST",
    headers: { "content-type": type, accept: "application/json" },
    body,
  });
}
