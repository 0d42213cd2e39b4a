import type { ConsentRequest, GrantId } from "../../engines/oauth/authority.ts";
import type { AuthorizationRequest } from "../../engines/oauth/authorization-request.ts";
import { issuerTag, randomTagged } from "../../engines/oauth/issuer-tag.ts";
import type { KeyRing } from "../../engines/oauth/key-ring.ts";
import { verifierFits } from "../../engines/oauth/pkce.ts";
import { randomInShard, shardOf } from "../../engines/oauth/shard.ts";
import type { PolicyName } from "./grant.ts";
import type { GrantTokens, TokenResult } from "./grant-tokens.ts";
import type { Grants } from "./grants.ts";
import { appAt, userAt } from "./names-at-gateways.ts";

/** A consent on its way to the gateway's selection page and back. */
export interface PendingConsent {
  readonly anon: string;
  readonly appName: string;
  readonly appOrigin: string;
  readonly request: AuthorizationRequest;
  /** When the person last showed to be there; only for an app that asked how long ago that is. */
  readonly authenticatedMs?: number;
  /** Where the browser goes when the owner has chosen. */
  readonly returnUri: string;
  readonly consentEndsMs: number;
}

interface TicketRow extends Record<string, SqlStorageValue> {
  ticket_hash: string;
  anon: string;
  gid: string;
  gateway: string;
  request: string;
  return_uri: string;
  outcome: "approved" | "denied" | null;
  expires_ms: number;
}

interface CodeRow extends Record<string, SqlStorageValue> {
  code_hash: string;
  gid: string;
  client_id: string;
  redirect_uri: string;
  challenge: string;
  dpop_thumbprint: string | null;
  nonce: string | null;
  authenticated_ms: number | null;
  id_token: number;
  used: number;
  expires_ms: number;
}

const TICKET_LIFE_MS = 10 * 60_000;
const CODE_LIFE_MS = 60_000;
/** A used code is remembered for as long as tokens from it may live, so that its replay revokes them. */
const USED_CODE_LIFE_MS = 24 * 3600_000;

/** What the exchange of a code has to prove. */
export interface CodeExchange {
  readonly code: string;
  readonly oauthClientId: string;
  readonly redirectUri: string | undefined;
  readonly verifier: string | undefined;
  /** Of the key that the request proved. */
  readonly dpopThumbprint?: string;
  /** For which gateway the request wants tokens (RFC 8707), if it says so. */
  readonly gateway?: string;
  /** The client has no credential of its own: its grant is bound to that key. */
  readonly bindsGrant: boolean;
}

/** For the ID token beside the tokens, if one was asked for. */
export interface IdTokenWishes {
  readonly nonce?: string;
  readonly authenticatedMs?: number;
}

export type CodeResult = TokenResult & { readonly idToken?: IdTokenWishes };

/** An app's consent from page 1 to its first tokens; everything in the shard of the user (IDENTITY.md §2.F). */
export class AppConsents {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #keys: KeyRing;
  readonly #grants: Grants;
  readonly #tokens: GrantTokens;
  readonly #issuer: string;

  constructor(
    storage: DurableObjectStorage,
    keys: KeyRing,
    grants: Grants,
    tokens: GrantTokens,
    issuer: string,
  ) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#keys = keys;
    this.#grants = grants;
    this.#tokens = tokens;
    this.#issuer = issuer;
  }

  /** @returns the ticket for the gateway's page; only its hash is kept. */
  async open(consent: PendingConsent, nowMs: number): Promise<string> {
    const shard = shardOf(consent.anon);
    if (shard === undefined) throw new RangeError("anonymous id: not base64url");
    const ticket = randomTagged(shard, await issuerTag(this.#issuer));
    this.#sql.exec(
      `INSERT INTO ticket (ticket_hash, anon, gid, gateway, request, return_uri, outcome, expires_ms)
       VALUES (?, ?, ?, ?, ?, ?, NULL, ?)`,
      await this.#keys.hash("ticket", ticket),
      consent.anon,
      randomInShard(shard, 16),
      consent.request.gateway,
      JSON.stringify(consent),
      consent.returnUri,
      nowMs + TICKET_LIFE_MS,
    );
    return ticket;
  }

  /** For the gateway's selection page; the same answer until it is concluded or expired. */
  async redeem(gateway: string, ticket: string, nowMs: number): Promise<ConsentRequest | undefined> {
    const row = this.#ticket(await this.#keys.hash("ticket", ticket), nowMs);
    if (row === undefined || row.gateway !== gateway || row.outcome !== null) return undefined;
    const consent = consentOf(row);
    const purpose = consent.request.access.purpose;
    return {
      user: await userAt(this.#keys, gateway, row.anon),
      grantId: row.gid as GrantId, // `open` made it
      app: await appAt(this.#keys, gateway, consent.request.oauthClientId),
      appName: consent.appName,
      appOrigin: consent.appOrigin,
      actions: consent.request.access.actions,
      ...(purpose === undefined ? {} : { purpose }),
      expiresAtMs: consent.consentEndsMs,
    };
  }

  /** Once: the outcome of the selection page. */
  async conclude(
    gateway: string,
    ticket: string,
    outcome: "approved" | "denied",
    nowMs: number,
  ): Promise<{ returnUri: string } | undefined> {
    const hash = await this.#keys.hash("ticket", ticket);
    const row = this.#ticket(hash, nowMs);
    if (row === undefined || row.gateway !== gateway || row.outcome !== null) return undefined;
    this.#sql.exec("UPDATE ticket SET outcome = ? WHERE ticket_hash = ?", outcome, hash);
    return { returnUri: row.return_uri };
  }

  /**
   * Back in the person's own browser: turns an approved ticket into a grant and a code, once.
   * @param ticketHash as kept in the browser session's interaction
   * @returns `undefined` while the owner has not concluded, or after it was used
   */
  async finish(
    ticketHash: string,
    anon: string,
    policy: PolicyName,
    nowMs: number,
  ): Promise<{ kind: "denied" } | { kind: "approved"; code: string } | undefined> {
    const code = this.#newCode(ticketHash, nowMs);
    if (code === undefined) return undefined;
    const codeHash = await this.#keys.hash("code", code);
    return this.#storage.transactionSync(() => {
      const row = this.#ticket(ticketHash, nowMs);
      if (row === undefined || row.anon !== anon || row.outcome === null) return undefined;
      this.#sql.exec("DELETE FROM ticket WHERE ticket_hash = ?", ticketHash);
      if (row.outcome === "denied") return { kind: "denied" as const };
      const consent = consentOf(row);
      this.#grants.add(
        {
          gid: row.gid as GrantId, // `open` made it
          kind: consent.request.holder,
          oauthClientId: consent.request.oauthClientId,
          anon: row.anon,
          handle: row.gid,
          gateway: row.gateway,
          label: consent.appName,
          access: consent.request.access,
          policy,
          expiresMs: consent.consentEndsMs,
        },
        nowMs,
      );
      this.#sql.exec(
        `INSERT INTO code (code_hash, gid, client_id, redirect_uri, challenge, dpop_thumbprint, nonce, authenticated_ms, id_token, used, expires_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)`,
        codeHash,
        row.gid,
        consent.request.oauthClientId,
        consent.request.redirectUri,
        consent.request.codeChallenge,
        consent.request.dpopThumbprint ?? null,
        consent.request.nonce ?? null,
        consent.authenticatedMs ?? null,
        consent.request.wantsIdToken ? 1 : 0,
        nowMs + CODE_LIFE_MS,
      );
      return { kind: "approved" as const, code };
    });
  }

  /**
   * RFC 6749 §4.1.3 with RFC 7636. The client has been authenticated. A code of another client changes nothing;
   * a second use, or a wrong verifier or redirect URI, ends the code and what came of it.
   */
  async exchange(exchange: CodeExchange, nowMs: number): Promise<CodeResult> {
    const codeHash = await this.#keys.hash("code", exchange.code);
    const found = this.#code(codeHash);
    const isProved = await verifierFits(exchange.verifier, found?.challenge ?? "");
    const accepted = this.#storage.transactionSync(() => {
      const code = this.#code(codeHash);
      if (code === undefined || code.client_id !== exchange.oauthClientId) return undefined;
      const isBound = code.dpop_thumbprint === null || code.dpop_thumbprint === exchange.dpopThumbprint;
      const isRight = isProved && code.redirect_uri === exchange.redirectUri && isBound;
      const isGood = isRight && code.used === 0 && code.expires_ms > nowMs;
      const gateway = this.#grants.byId(code.gid)?.gateway;
      // A mistake of the right app's: it may ask again.
      if (isGood && exchange.gateway !== undefined && exchange.gateway !== gateway)
        return { target: gateway };
      this.#sql.exec(
        "UPDATE code SET used = 1, expires_ms = ? WHERE code_hash = ?",
        nowMs + USED_CODE_LIFE_MS,
        codeHash,
      );
      if (isGood) return code;
      return { end: code.gid };
    });
    if (accepted === undefined) return { error: "invalid_grant" };
    if ("target" in accepted) return { error: "invalid_target" };
    if ("end" in accepted) {
      this.#grants.end(String(accepted.end), "revoked", nowMs);
      return { error: "invalid_grant" };
    }
    if (exchange.bindsGrant && exchange.dpopThumbprint !== undefined) {
      this.#grants.bind(accepted.gid, exchange.dpopThumbprint);
    }
    const tokens = await this.#tokens.first(accepted.gid, nowMs);
    if (tokens === undefined) return { error: "invalid_grant" };
    if (accepted.id_token === 0) return { tokens };
    const { nonce, authenticated_ms: authenticatedMs } = accepted;
    const idToken: IdTokenWishes = {
      ...(nonce === null ? {} : { nonce }),
      ...(authenticatedMs === null ? {} : { authenticatedMs }),
    };
    return { tokens, idToken };
  }

  #newCode(ticketHash: string, nowMs: number): string | undefined {
    const shard = shardOf(this.#ticket(ticketHash, nowMs)?.anon ?? "");
    return shard === undefined ? undefined : randomInShard(shard, 32);
  }

  #ticket(ticketHash: string, nowMs: number): TicketRow | undefined {
    return this.#sql
      .exec<TicketRow>("SELECT * FROM ticket WHERE ticket_hash = ? AND expires_ms > ?", ticketHash, nowMs)
      .toArray()[0];
  }

  #code(codeHash: string): CodeRow | undefined {
    return this.#sql.exec<CodeRow>("SELECT * FROM code WHERE code_hash = ?", codeHash).toArray()[0];
  }
}

function consentOf(row: TicketRow): PendingConsent {
  return JSON.parse(row.request) as PendingConsent; // written by `open`
}
