/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import { Hono } from "hono";
import { CodedError } from "../../../../engines/errors/coded-error.ts";
import { readAppMetadata } from "../../../../engines/oauth/client-metadata.ts";
import { OAuthError } from "../../../../engines/oauth/oauth-error.ts";
import { isLoggedIn, type LoggedIn, readOwnForm } from "../browser-session.ts";
import { DeveloperApps } from "../developer-apps.ts";
import type { DidpApp, DidpContext } from "../didp-app.ts";
import { addApp } from "../new-app.ts";
import { DeveloperPage, NewAppPage } from "../pages/developer-pages.tsx";
import { allRegistries, registryForClient } from "../registries.ts";
import { personOf } from "./login.tsx";

/** A developer's page: the apps that this person has registered. */
export const developer = new Hono<DidpApp>();

const MOST_APPS = 100;

developer.get("/dev", async (c) => {
  const session = await personOf(c, "/dev", "Your apps are listed for you alone.");
  return session instanceof Response ? session : page(c, session);
});

developer.post("/dev", async (c) => {
  const { session, form } = await ownForm(c);
  const apps = new DeveloperApps(c.env.DB);
  if ((await apps.of(session.anon)).length >= MOST_APPS) {
    return page(c, session, `No more than ${MOST_APPS} apps: remove one first.`);
  }
  try {
    const metadata = readAppMetadata({
      client_name: form.get("client_name") ?? "",
      redirect_uris: [form.get("redirect_uri") ?? ""],
      token_endpoint_auth_method: form.get("kind") ?? "none",
    });
    const credentials = await addApp(c, metadata);
    await apps.add(credentials.oauthClientId, session.anon);
    return c.html(<NewAppPage name={metadata.clientName} credentials={credentials} />, 201);
  } catch (error) {
    if (error instanceof OAuthError) return page(c, session, error.message);
    throw error;
  }
});

developer.post("/dev/remove", async (c) => {
  const { session, form } = await ownForm(c);
  const oauthClientId = form.get("client_id") ?? "";
  const home = registryForClient(c.env, oauthClientId);
  const isOwn = (await new DeveloperApps(c.env.DB).of(session.anon)).includes(oauthClientId);
  if (home === undefined || !isOwn) throw new CodedError("NOT_FOUND", "It is not there any more.");
  await Promise.all(allRegistries(c.env).map((shard) => shard.banApp(oauthClientId)));
  await home.removeClient(oauthClientId);
  await new DeveloperApps(c.env.DB).remove(oauthClientId);
  return c.redirect("/dev", 303);
});

async function page(c: DidpContext, session: LoggedIn, problem?: string): Promise<Response> {
  const ids = await new DeveloperApps(c.env.DB).of(session.anon);
  const clients = await Promise.all(ids.map((id) => registryForClient(c.env, id)?.client(id)));
  const apps = clients.flatMap((client) =>
    client?.kind === "app"
      ? [
          {
            oauthClientId: client.oauthClientId,
            name: client.metadata.clientName,
            redirectUris: client.metadata.redirectUris,
            hasSecret: client.metadata.authMethod !== "none",
          },
        ]
      : [],
  );
  const html = (
    <DeveloperPage
      csrf={session.csrf}
      apps={apps}
      issuer={c.var.config.issuer}
      {...(problem === undefined ? {} : { problem })}
    />
  );
  return c.html(html, problem === undefined ? 200 : 400);
}

async function ownForm(c: DidpContext) {
  const { session, form } = await readOwnForm(c);
  if (!isLoggedIn(session)) throw new CodedError("FORBIDDEN", "Log in first.");
  return { session, form };
}
