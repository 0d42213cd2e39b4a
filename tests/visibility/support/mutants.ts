import { readFileSync } from "node:fs";
import path from "node:path";
import type { Plugin } from "esbuild";
import { root } from "../../../scripts/platform/platform.ts";

/** One deliberate mistake: an expression of the product that is replaced in the bundle, nowhere else. */
export interface Mutant {
  /** What goes wrong. */
  readonly name: string;
  readonly edits: readonly Edit[];
  /** The check that has to notice. */
  readonly check: "matrix" | "model" | "closing";
  /** The beginning of what it has to say. */
  readonly finding: string;
}

interface Edit {
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** Applies mutants while the Workers are bundled. @throws Error for one that does not fit the source any more. */
export function mutating(mutants: readonly (Pick<Mutant, "edits"> & Partial<Mutant>)[]): Plugin {
  const edits = mutants.flatMap((mutant) => mutant.edits);
  const texts = new Map<string, string>();
  for (const { file, find, replace } of edits) {
    const text = texts.get(file) ?? readFileSync(path.join(root, file), "utf8");
    if (text.split(find).length !== 2) throw new Error(`${file} does not hold exactly once: ${find}`);
    texts.set(
      file,
      text.replace(find, () => replace),
    );
  }
  return {
    name: "mutating",
    setup(build) {
      build.onLoad({ filter: /\.tsx?$/ }, (source) => {
        const contents = texts.get(path.relative(root, source.path));
        return contents === undefined
          ? undefined
          : { contents, loader: source.path.endsWith("x") ? "tsx" : "ts" };
      });
    },
  };
}

const says = (worker: string, what: string) =>
  `console.log(JSON.stringify({ worker: "${worker}", ${what} }));`;

/** A leak at each party; any number of them can be in one run, since each has findings of its own. */
export const leaks: readonly Mutant[] = [
  {
    name: "the gateway logs its pseudonym of the user",
    check: "matrix",
    finding: "the gateway's pseudonym of the user, gateway: kept instead of –",
    edits: [
      {
        file: "workers/gateway/src/routes/mqtt.ts",
        find: 'const user = await routes.unseal(c.req.param("route"));',
        replace: `const user = await routes.unseal(c.req.param("route")); ${says("gateway", "user")}`,
      },
    ],
  },
  {
    name: "the DIdP's login part logs the subject",
    check: "matrix",
    finding: "UIdP subject, DIdP, login part: kept instead of seen",
    edits: [
      {
        file: "workers/didp/src/uidp/flow.tsx",
        find: "const anon = await c.env.PSEUDONYMISER.resolve(uidp.id, subject);",
        replace: `const anon = await c.env.PSEUDONYMISER.resolve(uidp.id, subject); ${says("didp", "subject")}`,
      },
    ],
  },
  {
    name: "the DIdP tells the UIdP the anonymous id",
    check: "matrix",
    finding: "anonymous id, UIdP: seen instead of –",
    edits: [
      {
        file: "workers/didp/src/uidp/flow.tsx",
        find: "if (!(await logIn(c, begun.session, { anon, provedMs }))) {",
        replace: `if ("issuer" in uidp) await (await fetch(uidp.issuer + "/jwks?for=" + anon)).text();
          if (!(await logIn(c, begun.session, { anon, provedMs }))) {`,
      },
    ],
  },
  {
    name: "the registry stores the serial number",
    check: "matrix",
    finding: "hardware id (serial), DIdP, token part: kept instead of seen",
    edits: [
      {
        file: "workers/didp/src/routes/registration.ts",
        find: 'requestHash: await keys.hash("registration-request", JSON.stringify(body)),',
        replace: "requestHash: JSON.stringify(body),",
      },
    ],
  },
  {
    name: "the pseudonymiser logs the subject",
    check: "matrix",
    finding: "UIdP subject, pseudonymiser: kept instead of –",
    edits: [
      {
        file: "workers/pseudonymiser/src/index.ts",
        find: "return tableOf(this.env).resolve(uidpId, subject, Date.now());",
        replace: `${says("pseudonymiser", "subject")} return tableOf(this.env).resolve(uidpId, subject, Date.now());`,
      },
    ],
  },
  {
    name: "the personal cloud logs tokens",
    check: "matrix",
    finding: "device's bearer tokens, PCM: kept instead of seen",
    edits: [
      {
        file: "durable-objects/pcm/pcm.ts",
        find: "async #authenticate(id: ConnectionId, token: string): Promise<void> {",
        replace: `async #authenticate(id: ConnectionId, token: string): Promise<void> { ${says("pcm", "token")}`,
      },
    ],
  },
  {
    name: "the stream app is sent what no rule wants",
    check: "matrix",
    finding: "command, stream app: kept instead of –",
    edits: [
      {
        file: "durable-objects/pcm/streams.ts",
        find: "const isWanted = this.#position.interest.filters.some((filter) => topicMatches(filter, topic));",
        replace: "const isWanted = true;",
      },
    ],
  },
  {
    name: "a posting brings along what signs it",
    check: "matrix",
    finding: "secret that signs a rule's postings (webhook), server of a webhook: seen instead of –",
    edits: [
      {
        file: "engines/streams/webhook-message.ts",
        find: '"webhook-timestamp": timestamp,',
        replace: '"webhook-timestamp": timestamp, "webhook-secret": secrets.current,',
      },
    ],
  },
  {
    name: "devices and apps are told the gateway's pseudonym with their tokens",
    check: "matrix",
    finding: "the gateway's pseudonym of the user, device: seen instead of –",
    edits: [
      {
        file: "durable-objects/registry/token-answer.ts",
        find: "scope: tokens.scope,",
        replace: "scope: tokens.scope, sub: tokens.user,",
      },
    ],
  },
  {
    name: "the anonymous id stands in the URL of the selection page",
    check: "matrix",
    finding: "a URL holds anonymousId",
    edits: [
      {
        file: "workers/didp/src/routes/authorization.tsx",
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a piece of source text
        find: "return c.redirect(`${request.gateway}/consent/${ticket}`, 303);",
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a piece of source text
        replace: "return c.redirect(`${request.gateway}/consent/${ticket}?for=${session.anon}`, 303);",
      },
    ],
  },
  {
    name: "apps are told the handle of the ownership",
    check: "matrix",
    finding: "dh (per ownership), TPA: seen instead of –",
    edits: [
      {
        file: "engines/broker/grants.ts",
        find: "handle: pairwiseHandle,",
        replace: "handle: pairwiseHandle, device: handle,",
      },
    ],
  },
  {
    name: "every app gets the same handle for a device",
    check: "matrix",
    finding: "two TPAs cannot match a device",
    edits: [
      {
        file: "durable-objects/pcm/pairwise-handle.ts",
        find: 'importKey("raw", key,',
        replace: 'importKey("raw", new Uint8Array(32),',
      },
    ],
  },
  {
    name: "every gateway gets the same pseudonym",
    check: "matrix",
    finding: "the gateway's pseudonym of the user, another gateway: seen instead of –",
    edits: [
      {
        file: "durable-objects/registry/names-at-gateways.ts",
        find: 'await keys.mac("gateway", "user", gateway, anon);',
        replace: 'await keys.mac("gateway", "user", "", anon);',
      },
    ],
  },
  {
    name: "the manufacturer is told who may see its pages",
    check: "matrix",
    finding: "anonymous id, manufacturer: seen instead of –",
    edits: [
      {
        file: "workers/didp/src/routes/operations.ts",
        find: "return { batch, reason, devices:",
        replace:
          'return { members: (await c.env.DB.prepare("SELECT anon FROM member").all()).results, batch, reason, devices:',
      },
    ],
  },
  {
    name: "a deleted account's personal cloud keeps its tables",
    check: "matrix",
    // Which table depends on what the DIdP tells first: that the device is released, or that the account is deleted.
    finding: "left of a deleted account: device's handle: pcm, table",
    edits: [
      {
        file: "durable-objects/pcm/store.ts",
        find: "for (const kind of ofTheUser.kinds) this.#kept.clear(kind);",
        replace: "",
      },
      {
        file: "durable-objects/pcm/store.ts",
        find: 'this.#kept.clear("refused-epoch", "*");',
        replace: "",
      },
    ],
  },
];

/** Mistakes of the broker, the personal cloud and the DIdP under random schedules. */
export const faults: readonly Mutant[] = [
  {
    name: "the owner's selection is ignored: an app sees every device",
    check: "model",
    finding: "a message came 1 times instead of 0",
    edits: [
      {
        file: "durable-objects/pcm/pcm.ts",
        find: "selection.devices.map(async ({ handle, actions }) => ({",
        replace: `this.#broker.devices().map(({ handle }) => ({ handle, actions: ["read" as const] })).map(async ({ handle, actions }) => ({`,
      },
    ],
  },
  {
    name: "an app that may read may also command",
    check: "model",
    finding: "a command came 1 times instead of 0",
    edits: [
      {
        file: "engines/broker/mount.ts",
        find: '["telemetry/#", ["sub"]],',
        replace: '["telemetry/#", ["sub"]], ["command/+", ["pub"]],',
      },
    ],
  },
  {
    name: "the mount is not applied: an app hears the owner's own names",
    check: "model",
    finding: "an app heard the handle of the ownership",
    edits: [
      {
        file: "engines/broker/mount.ts",
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a piece of source text
        find: "return onWire(`${devicePrefix(pairwise)}${rest}`);",
        replace: "return rest === undefined ? undefined : onWire(topicName);",
      },
      {
        file: "engines/broker/mount.ts",
        find: 'view: compilePermissions([["grant", ["sub"]], ',
        replace: 'view: compilePermissions([["#", ["pub", "sub"]], ',
      },
    ],
  },
  {
    name: "a personal cloud takes tokens of other users",
    check: "model",
    finding: "a token was taken by another user's personal cloud",
    edits: [
      {
        file: "engines/broker/authority.ts",
        find: "if (authority.user !== state.ports.user) return undefined;",
        replace: "",
      },
    ],
  },
  {
    name: "a device's token outlives the ownership, at the DIdP and in the personal cloud",
    check: "model",
    finding: "a device came back with the token of an ended ownership",
    edits: [
      {
        file: "durable-objects/registry/grant-tokens.ts",
        find: 'if (grant.gateway !== gateway || grant.status !== "active") return { active: false };',
        replace: "if (grant.gateway !== gateway) return { active: false };",
      },
      {
        file: "durable-objects/registry/grant-tokens.ts",
        find: "if (parsed.expiresAtMs <= nowMs || isVoided(grant, parsed.sequence)) return { active: false };",
        replace: "if (parsed.expiresAtMs <= nowMs) return { active: false };",
      },
      {
        file: "engines/broker/authority.ts",
        find: "if (authority.epoch < refusedBelow(state, authority.handle)) return undefined;",
        replace: "void refusedBelow;",
      },
    ],
  },
  {
    name: "the notice of a revocation is dropped",
    check: "closing",
    finding: "the connection outlived its authority",
    edits: [
      {
        file: "durable-objects/pcm/pcm.ts",
        find: "this.#run(this.#broker.revoke(notice));",
        replace: 'if (notice.reason === "deleted") this.#run(this.#broker.revoke(notice));',
      },
    ],
  },
  {
    name: "the notice of a revocation is carried out half a second late",
    check: "closing",
    finding: "messages came afterwards",
    edits: [
      {
        file: "durable-objects/pcm/pcm.ts",
        find: "this.#run(this.#broker.revoke(notice));",
        replace: "setTimeout(() => this.#run(this.#broker.revoke(notice)), 500);",
      },
    ],
  },
  {
    name: "a token ends a second late, and a delivery does not look at its end",
    check: "closing",
    finding: "messages came afterwards",
    edits: [
      {
        file: "engines/broker/deadlines.ts",
        find: "return connection.authority?.expiresAtMs ?? Number.POSITIVE_INFINITY;",
        replace: "return (connection.authority?.expiresAtMs ?? Number.POSITIVE_INFINITY) + 1000;",
      },
      {
        file: "engines/broker/send-publish.ts",
        find: "return connection.authority !== undefined && connection.authority.expiresAtMs <= state.nowMs;",
        replace: "return false;",
      },
    ],
  },
  {
    name: "a connection is closed a minute after its token's end",
    check: "closing",
    finding: "the connection outlived its authority",
    edits: [
      {
        file: "engines/broker/deadlines.ts",
        find: "return connection.authority?.expiresAtMs ?? Number.POSITIVE_INFINITY;",
        replace: "return (connection.authority?.expiresAtMs ?? Number.POSITIVE_INFINITY) + 60_000;",
      },
    ],
  },
  {
    name: "a lost device is not cut off",
    check: "closing",
    finding: "the connection outlived its authority",
    edits: [
      {
        file: "engines/broker/grants.ts",
        find: 'const isMeant = (session: Session) => handle === "*" || session.handle === handle;',
        replace:
          'const isMeant = (session: Session) => handle === "*" || (session.handle === handle && session.kind === "app");',
      },
    ],
  },
];

const checkNames: Readonly<Record<Mutant["check"], string>> = {
  matrix: "matrix",
  model: "random schedules",
  closing: "closing times",
};

/** The table as Markdown. */
export function mutantTable(mutants: readonly Mutant[]): string {
  const rows = mutants.map(({ name, check, finding }) => `| ${name} | ${checkNames[check]} | ${finding} |`);
  return ["| what is broken | check | what it says |", "| --- | --- | --- |", ...rows].join("\n");
}
