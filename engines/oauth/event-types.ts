/** What a DIdP tells a gateway by security event tokens (RFC 8417; IDENTITY.md §2.G). */
export const eventTypes = {
  revoked: "https://schemas.openid.net/secevent/caep/event-type/session-revoked",
  claimed: "urn:edgenym:event:device-claimed",
} as const;
