// The small one: the gateway is the Worker that a first connection waits for.
import * as z from "zod/mini";
import { isShared, isTopicFilter } from "../mqtt/topic.ts";
import type { AppIntrospection, ConsentRequest, DeviceHandle, GrantId, Introspection } from "./authority.ts";
import { foreignApp, foreignUser } from "./foreign-names.ts";
import { LONGEST_CONSENT_MS, plainText } from "./iot-access.ts";

/*
 * What another operator's DIdP answers, read as what it is: text from outside. Everything has a form and a length, and
 * the names in it become names of that issuer, so that it can speak of its own users only.
 */

/** Authority is believed for a day at the longest, whatever the answer says. */
const LONGEST_AUTHORITY_MS = 24 * 3600_000;

/** What an issuer calls a user or an app at this gateway. */
export const subject = z.string().check(z.minLength(1), z.maxLength(255));
/** A device handle or a grant id; it becomes a level of topics. */
export const handle = z.string().check(z.regex(/^[\w-]{16,64}$/));
/** Counts up, or seconds. */
export const natural = z.int().check(z.gte(0));
/** Text for a page: of one line. */
const line = (most: number) => z.pipe(z.string().check(z.maxLength(most)), z.transform(plainText));
/** The same, and something to read. */
const words = (most: number) => line(most).check(z.refine((text) => text !== ""));

const topicFilter = z.string().check(
  z.maxLength(256),
  z.refine((text) => isTopicFilter(text) && !isShared(text)),
);
const permission = z.tuple([topicFilter, z.array(z.enum(["pub", "sub"])).check(z.maxLength(2))]);

const inactive = z.object({ active: z.literal(false) });
const authority = z.object({
  active: z.literal(true),
  sub: subject,
  kind: z.enum(["device", "app", "owner"]),
  hdl: handle,
  aif: z.array(permission).check(z.maxLength(64)),
  exp: natural,
  epoch: natural,
});
const appAlone = z.object({
  active: z.literal(true),
  sub: subject,
  kind: z.literal("client"),
  exp: natural,
});
const introspection = z.discriminatedUnion("active", [
  inactive,
  z.discriminatedUnion("kind", [authority, appAlone]),
]);

/**
 * An introspection answer (RFC 7662; IDENTITY.md §2.G) about a user's token.
 * @throws ZodError if it has another form
 */
export async function readIntrospection(
  issuer: string,
  answer: unknown,
  nowMs: number,
): Promise<Introspection> {
  const read = introspection.parse(answer);
  if (!read.active || read.kind === "client" || read.exp * 1000 <= nowMs) return { active: false };
  return {
    active: true,
    authority: {
      user: await foreignUser(issuer, read.sub),
      kind: read.kind,
      handle: read.hdl,
      permissions: read.aif,
      expiresAtMs: Math.min(read.exp * 1000, nowMs + LONGEST_AUTHORITY_MS),
      epoch: read.epoch,
    },
  };
}

/** The same about a token of an app's own. @throws ZodError if it has another form */
export async function readAppIntrospection(
  issuer: string,
  answer: unknown,
  nowMs: number,
): Promise<AppIntrospection> {
  const read = introspection.parse(answer);
  if (!read.active || read.kind !== "client" || read.exp * 1000 <= nowMs) return { active: false };
  const expiresAtMs = Math.min(read.exp * 1000, nowMs + LONGEST_AUTHORITY_MS);
  return { active: true, app: await foreignApp(issuer, read.sub), expiresAtMs };
}

/** Where an app lives, as `originOf` writes it: it goes into a header of the selection page. */
function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  if (url.protocol === "https:" || url.protocol === "http:") return url.origin === text;
  return /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:$/.test(text);
}

const consentRequest = z.object({
  user: subject,
  grant_id: handle,
  app: subject,
  app_name: words(80),
  app_origin: z.string().check(z.maxLength(300), z.refine(isOrigin)),
  actions: z.array(z.enum(["read", "command", "shadow", "history"])).check(z.minLength(1), z.maxLength(4)),
  purpose: z.optional(line(300)),
  exp: natural,
});

/** What a consent ticket is about. @throws ZodError if the answer has another form */
export async function readConsentRequest(
  issuer: string,
  answer: unknown,
  nowMs: number,
): Promise<ConsentRequest> {
  const read = consentRequest.parse(answer);
  return {
    user: await foreignUser(issuer, read.user),
    grantId: read.grant_id as GrantId, // the form of one, and of this user
    app: await foreignApp(issuer, read.app),
    appName: read.app_name,
    appOrigin: read.app_origin,
    actions: read.actions,
    ...(read.purpose === undefined ? {} : { purpose: read.purpose }),
    expiresAtMs: Math.min(read.exp * 1000, nowMs + LONGEST_CONSENT_MS),
  };
}

const conclusion = z.object({ return_uri: z.url().check(z.maxLength(2048)) });

/** Where the browser goes when the owner has chosen: back to the issuer and nowhere else. @throws Error */
export function readConclusion(issuer: string, answer: unknown): { returnUri: string } {
  const { return_uri: returnUri } = conclusion.parse(answer);
  if (new URL(returnUri).origin !== new URL(issuer).origin)
    throw new RangeError("return_uri: not the issuer's");
  return { returnUri };
}

const modelName = z.string().check(z.regex(/^[A-Za-z0-9_.-]{1,64}$/));
const members = <Value extends z.ZodMiniType>(value: Value) =>
  z.record(modelName, value).check(z.refine((record) => Object.keys(record).length <= 64));

/** A device that has a new owner, as `ClaimedDevice`. */
export const claimedDevice = z.object({
  handle: z.pipe(
    handle,
    z.transform((text: string) => text as DeviceHandle), // the form of one, and of this user
  ),
  name: words(80),
  model: z.object({
    title: words(80),
    properties: members(
      z.object({ title: words(80), unit: z.exactOptional(z.string().check(z.maxLength(16))) }),
    ),
    actions: members(z.object({ title: words(80) })),
  }),
});
