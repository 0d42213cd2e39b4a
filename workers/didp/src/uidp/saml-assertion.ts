import * as z from "zod";
import type { Confirmed } from "./uidp-login.ts";

export const PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
const BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const CLOCK_SKEW_MS = 60_000;
/** An id that is an address would tell who it is; and addresses change hands. */
const LOOKS_LIKE_MAIL = /[@\s]/;

/** An element with text, as node-saml reads it: attributes under `$`, text under `_`, children by local name. */
const text = z.object({ _: z.string().min(1) });
const one = <T extends z.ZodType>(schema: T) => z.array(schema).length(1);

/** What of an assertion is looked at; where the standard allows several of a thing that has to be one, so is it here. */
const assertionSchema = z.object({
  Assertion: z.object({
    Issuer: one(text),
    Subject: one(
      z.object({
        NameID: one(
          text.extend({
            $: z.object({
              Format: z.literal(PERSISTENT),
              NameQualifier: z.string().optional(),
              SPNameQualifier: z.string().optional(),
            }),
          }),
        ),
        EncryptedID: z.undefined().optional(),
        SubjectConfirmation: z.array(
          z.object({
            $: z.object({ Method: z.string() }),
            SubjectConfirmationData: one(
              z.object({
                $: z.object({
                  Recipient: z.string().optional(),
                  InResponseTo: z.string().optional(),
                  NotOnOrAfter: z.string().optional(),
                  NotBefore: z.string().optional(),
                }),
              }),
            ).optional(),
          }),
        ),
      }),
    ),
    Conditions: one(
      z.object({
        $: z.object({ NotBefore: z.string().optional(), NotOnOrAfter: z.string() }),
        AudienceRestriction: z.array(z.object({ Audience: z.array(text).min(1) })).min(1),
      }),
    ),
    AuthnStatement: z.array(z.object({ $: z.object({ AuthnInstant: z.string() }) })).min(1),
  }),
});

export interface Expected {
  /** Of the identity provider. */
  readonly issuer: string;
  /** Our entity id. */
  readonly audience: string;
  /** Our assertion consumer address. */
  readonly recipient: string;
  /** The id of our request. */
  readonly inResponseTo: string;
}

/**
 * What an assertion says whose signature has been checked, if everything else about it is right as well
 * (SAML 2.0 profiles §4.1.4.2 and §4.1.4.3, with what is left to choose chosen strictly).
 *
 * @param assertion as node-saml parses the signed bytes
 * @returns the persistent name and when the person logged in there, or `undefined` if anything is wrong
 */
export function confirmedBy(assertion: unknown, expected: Expected, nowMs: number): Confirmed | undefined {
  const parsed = assertionSchema.safeParse(assertion);
  if (!parsed.success) return undefined;
  const { Issuer, Subject, Conditions, AuthnStatement } = parsed.data.Assertion;
  const [issuer, subject, conditions] = [Issuer[0], Subject[0], Conditions[0]];
  const nameId = subject?.NameID[0];
  if (
    issuer?._ !== expected.issuer ||
    subject === undefined ||
    nameId === undefined ||
    conditions === undefined
  ) {
    return undefined;
  }
  const { NameQualifier = expected.issuer, SPNameQualifier = expected.audience } = nameId.$;
  if (NameQualifier !== expected.issuer || SPNameQualifier !== expected.audience) return undefined;
  if (nameId._.length > 256 || LOOKS_LIKE_MAIL.test(nameId._)) return undefined;

  const isForUs = conditions.AudienceRestriction.every(({ Audience }) =>
    Audience.some(({ _ }) => _ === expected.audience),
  );
  const isNow =
    isBefore(nowMs, conditions.$.NotOnOrAfter) &&
    (conditions.$.NotBefore === undefined || isAfter(nowMs, conditions.$.NotBefore));
  const isConfirmed = subject.SubjectConfirmation.some(({ $, SubjectConfirmationData }) => {
    const facts = SubjectConfirmationData?.[0]?.$;
    return (
      $.Method === BEARER &&
      facts?.Recipient === expected.recipient &&
      facts.InResponseTo === expected.inResponseTo &&
      facts.NotBefore === undefined && // must not be there with this method
      facts.NotOnOrAfter !== undefined &&
      isBefore(nowMs, facts.NotOnOrAfter)
    );
  });
  if (!isForUs || !isNow || !isConfirmed) return undefined;
  const authenticatedMs = Math.min(...AuthnStatement.map(({ $ }) => Date.parse($.AuthnInstant)));
  return {
    subject: nameId._,
    authenticatedMs: Number.isNaN(authenticatedMs) ? undefined : authenticatedMs,
  };
}

function isBefore(nowMs: number, time: string): boolean {
  return nowMs - CLOCK_SKEW_MS < Date.parse(time); // NaN: false
}

function isAfter(nowMs: number, time: string): boolean {
  return nowMs + CLOCK_SKEW_MS >= Date.parse(time);
}
