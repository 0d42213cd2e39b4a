import { createServer } from "node:http";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

/** How a provider deviates from the truth; what is left out is right. */
export interface Lies {
  /** `iss` of the authorization response; `null`: none. */
  iss?: string | null;
  state?: string;
  /** Over the ID token's claims. */
  claims?: Record<string, unknown>;
  /** Signed with a key that is not in its key set. */
  isForeignKey?: boolean;
  isUnsigned?: boolean;
  hasNoIdToken?: boolean;
}

/** An OpenID provider without forms that says what a test wants: whoever comes is `subject`. */
export async function startLyingProvider(port: number, subject: string) {
  const issuer = `http://127.0.0.1:${port}`;
  const [own, foreign] = [await generateKeyPair("RS256"), await generateKeyPair("RS256")];
  const jwk = { ...(await exportJWK(own.publicKey)), kid: "one", alg: "RS256", use: "sig" };
  const nonces = new Map<string, string>();
  const provider = {
    issuer,
    subject,
    lies: {} as Lies,
    asked: [] as URLSearchParams[],
    codes: [] as string[],
    signed,
    stop,
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", issuer);
    const json = (body: unknown) =>
      response.setHeader("content-type", "application/json").end(JSON.stringify(body));
    switch (url.pathname) {
      case "/.well-known/openid-configuration":
        return json({
          issuer,
          authorization_endpoint: `${issuer}/auth`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/jwks`,
          authorization_response_iss_parameter_supported: true,
          id_token_signing_alg_values_supported: ["RS256"],
        });
      case "/jwks":
        return json({ keys: [jwk] });
      case "/auth": {
        provider.asked.push(url.searchParams);
        const code = `code-${provider.asked.length}`;
        provider.codes.push(code);
        nonces.set(code, url.searchParams.get("nonce") ?? "");
        const back = new URL(url.searchParams.get("redirect_uri") ?? "");
        back.searchParams.set("code", code);
        back.searchParams.set("state", provider.lies.state ?? url.searchParams.get("state") ?? "");
        if (provider.lies.iss !== null) back.searchParams.set("iss", provider.lies.iss ?? issuer);
        return response.writeHead(303, { location: back.href }).end();
      }
      case "/token": {
        const form = new URLSearchParams(await text(request));
        const client = Buffer.from((request.headers.authorization ?? "").slice(6), "base64").toString();
        return json({
          access_token: "canary-access-token",
          token_type: "bearer",
          ...(provider.lies.hasNoIdToken
            ? {}
            : { id_token: await idToken(client.split(":")[0] ?? "", nonces.get(form.get("code") ?? "")) }),
        });
      }
      default:
        return response.writeHead(404).end();
    }
  });

  async function idToken(audience: string, nonce: string | undefined): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: issuer,
      sub: provider.subject,
      aud: audience,
      iat: now,
      exp: now + 300,
      auth_time: now,
      nonce,
      email: "person@canary.example",
      ...provider.lies.claims,
    };
    if (provider.lies.isUnsigned) {
      const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
      return `${part({ alg: "none" })}.${part(claims)}.`;
    }
    return signed(claims, provider.lies.isForeignKey ? "foreign" : "own");
  }

  function signed(
    claims: Record<string, unknown>,
    key: "own" | "foreign" = "own",
    typ = "JWT",
  ): Promise<string> {
    const { privateKey } = key === "foreign" ? foreign : own;
    return new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: "one", typ }).sign(privateKey);
  }

  async function stop(): Promise<void> {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return provider;
}

async function text(request: AsyncIterable<unknown>): Promise<string> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return body;
}
