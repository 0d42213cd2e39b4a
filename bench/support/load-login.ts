import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import http from "node:http";

/** A login for load tests: whoever types a name is that person. For one's own machine only. */
export interface LoadLogin {
  /** What the DIdP needs to know of it: the value of its setting `UIDPS`. */
  readonly uidps: string;
  close(): Promise<void>;
}

/**
 * The smallest OpenID provider that a strict relying party takes: code flow, ES256, nonce, PKCE. Each name typed
 * into its one field is another person, so that a bench has as many users as it wants.
 */
export async function startLoadLogin(port: number): Promise<LoadLogin> {
  const issuer = `http://127.0.0.1:${port}`;
  const client = { id: "edgenym", secret: randomBytes(32).toString("base64url") };
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const codes = new Map<string, { subject: string; nonce: string; challenge: string }>();

  const idToken = (subject: string, nonce: string) => {
    const nowSeconds = Math.floor(Date.now() / 1000);
    const claims = {
      iss: issuer,
      sub: subject,
      aud: client.id,
      nonce,
      iat: nowSeconds,
      exp: nowSeconds + 60,
    };
    const signed = [{ alg: "ES256", kid: "1" }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
      .join(".");
    const signature = sign("sha256", Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" });
    return `${signed}.${signature.toString("base64url")}`;
  };
  const pages: Record<string, (url: URL, body: URLSearchParams) => Answer> = {
    "GET /.well-known/openid-configuration": () =>
      json({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/keys`,
        response_types_supported: ["code"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["ES256"],
      }),
    "GET /keys": () =>
      json({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "1", alg: "ES256", use: "sig" }] }),
    "GET /authorize": () => ({
      type: "text/html",
      body: `<form method="post"><input name="login"><button>Log in</button></form>`,
    }),
    "POST /authorize": (url, body) => {
      const code = randomBytes(16).toString("base64url");
      const query = url.searchParams;
      codes.set(code, {
        subject: createHash("sha256")
          .update(body.get("login") ?? "")
          .digest("base64url"),
        nonce: query.get("nonce") ?? "",
        challenge: query.get("code_challenge") ?? "",
      });
      const back = new URL(query.get("redirect_uri") ?? "");
      back.searchParams.set("code", code);
      back.searchParams.set("state", query.get("state") ?? "");
      return { location: back.href };
    },
    "POST /token": (_, body) => {
      const begun = codes.get(body.get("code") ?? "");
      codes.delete(body.get("code") ?? "");
      const challenge = createHash("sha256")
        .update(body.get("code_verifier") ?? "")
        .digest("base64url");
      if (begun?.challenge !== challenge) return json({ error: "invalid_grant" }, 400);
      return json({
        access_token: randomBytes(16).toString("base64url"),
        token_type: "Bearer",
        expires_in: 60,
        id_token: idToken(begun.subject, begun.nonce),
      });
    },
  };
  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", issuer);
    let body = "";
    for await (const chunk of request) body += chunk;
    const page = pages[`${request.method} ${url.pathname}`];
    const answer = page?.(url, new URLSearchParams(body)) ?? json({ error: "not_found" }, 404);
    if ("location" in answer) response.writeHead(303, { location: answer.location }).end();
    else response.writeHead(answer.status ?? 200, { "content-type": answer.type }).end(answer.body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const uidp = {
    id: "load",
    name: "Load test login",
    protocol: "oidc",
    issuer,
    client_id: client.id,
    client_secret: client.secret,
    allow_insecure_issuer: true,
  };
  return {
    uidps: JSON.stringify([uidp]),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Answer =
  | { readonly location: string }
  | { readonly type: string; readonly body: string; readonly status?: number };

function json(value: unknown, status = 200): Answer {
  return { type: "application/json", body: JSON.stringify(value), status };
}
