import { DurableObject } from "cloudflare:workers";
import type {
  AppIntrospection,
  ConsentRequest,
  DeviceModel,
  Introspection,
} from "../../engines/oauth/authority.ts";
import type { AppMetadata, DeviceMetadata } from "../../engines/oauth/client-metadata.ts";
import { AlarmClock } from "./alarm-clock.ts";
import { AppConsents, type CodeExchange, type CodeResult, type PendingConsent } from "./app-consents.ts";
import { AppTokens } from "./app-tokens.ts";
import { Attempts } from "./attempts.ts";
import { BackgroundWork } from "./background-work.ts";
import { putBuiltInClients } from "./built-in-clients.ts";
import { type Client, Clients, type NewApp, type NewDevice, type PresentedCredential } from "./clients.ts";
import { type DeletionState, Deletions } from "./deletions.ts";
import { Deliveries, PUSH_WAIT_MS } from "./deliveries.ts";
import type { BatchOrder } from "./device-batches.ts";
import { DeviceChannels } from "./device-channels.ts";
import { type Claimable, type ClaimResult, DeviceClaims, type DeviceCode } from "./device-claims.ts";
import { deviceDesk } from "./device-desk.ts";
import { DeviceReferences, type ReferenceClaim } from "./device-references.ts";
import type { RegistryEnv } from "./env.ts";
import { readExternalGateways } from "./external-gateways.ts";
import type { PolicyName } from "./grant.ts";
import { type GrantSummary, summaryOf } from "./grant-summary.ts";
import { GrantTokens, type RefreshDemand, type RevocationResult, type TokenResult } from "./grant-tokens.ts";
import { Grants } from "./grants.ts";
import { keyRingOf, routeSealerOf } from "./keys.ts";
import { Outbox, type OwnedDevice } from "./outbox.ts";
import { OwnedDevices } from "./owned-devices.ts";
import { PushedRequests } from "./pushed-requests.ts";
import { type Job, RegistrationJobs } from "./registration-jobs.ts";
import { removeExpired, removeUser } from "./removal.ts";
import { createSchema } from "./schema.ts";
import { type Interaction, type ProvedLogin, type Session, Sessions } from "./sessions.ts";
import { tokenLivesFrom } from "./token-lives.ts";
import { Waiters } from "./waiters.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3600_000;
const DELETION_RETRY_MS = 1000;

/**
 * One shard of the DIdP's clients, grants, tokens and sessions: a shell around the tables' own classes. Whatever
 * has to reach a gateway or another shard leaves through the outbox, at once and again from the alarm.
 */
export class Registry extends DurableObject<RegistryEnv> {
  readonly #clients: Clients;
  readonly #grants: Grants;
  readonly #tokens: GrantTokens;
  readonly #claims: DeviceClaims;
  readonly #consents: AppConsents;
  readonly #sessions: Sessions;
  readonly #attempts: Attempts;
  readonly #references: DeviceReferences;
  readonly #owned: OwnedDevices;
  readonly #pushed: PushedRequests;
  readonly #appTokens: AppTokens;
  readonly #outbox: Outbox;
  readonly #channels: DeviceChannels;
  readonly #jobs: RegistrationJobs;
  readonly #deletions: Deletions;
  readonly #deliveries: Deliveries;
  readonly #work: BackgroundWork;
  readonly #clock: AlarmClock;
  readonly #waiters = new Waiters();

  constructor(ctx: DurableObjectState, env: RegistryEnv) {
    super(ctx, env);
    const { storage } = ctx;
    createSchema(storage);
    putBuiltInClients(storage.sql);
    const keys = keyRingOf(env.KEYS);
    const external = readExternalGateways(env.EXTERNAL_GATEWAYS);
    const issuer = env.ISSUER.replace(/\/$/, "");
    const home = { uri: env.GATEWAY_URI.replace(/\/$/, ""), routes: routeSealerOf(env.ROUTE_KEY) };
    const gateways = [home.uri, ...external.map((gateway) => gateway.uri)];
    this.#clock = new AlarmClock(storage);
    this.#outbox = new Outbox(storage.sql, () => this.#clock.ringIn(PUSH_WAIT_MS));
    this.#jobs = new RegistrationJobs(storage.sql);
    this.#deletions = new Deletions(storage.sql, keys, gateways);
    this.#clients = new Clients(storage.sql);
    this.#grants = new Grants(storage, this.#outbox);
    this.#tokens = new GrantTokens(storage, keys, this.#grants, tokenLivesFrom(env), issuer);
    this.#claims = new DeviceClaims(storage, keys, this.#grants, this.#tokens, this.#outbox);
    this.#consents = new AppConsents(storage, keys, this.#grants, this.#tokens, issuer);
    this.#sessions = new Sessions(storage);
    this.#attempts = new Attempts(storage.sql);
    this.#references = new DeviceReferences(storage.sql);
    this.#owned = new OwnedDevices(storage.sql);
    this.#pushed = new PushedRequests(storage.sql);
    this.#appTokens = new AppTokens(storage.sql, keys, this.#clients, issuer);
    this.#deliveries = new Deliveries(env, keys, this.#outbox, external);
    const tables = { jobs: this.#jobs, deletions: this.#deletions, outbox: this.#outbox };
    this.#work = new BackgroundWork(env, keys, tables, this.#deliveries, this.#waiters);
    const desk = deviceDesk(
      { clients: this.#clients, claims: this.#claims, tokens: this.#tokens },
      keys,
      this.#deliveries,
      env.ISSUER,
      gateways,
    );
    this.#channels = new DeviceChannels(ctx, desk, home);
  }

  // Clients

  addDevice(device: NewDevice): "created" | "repeated" | "conflict" {
    return this.ctx.storage.transactionSync(() => this.#clients.addDevice(device, Date.now()));
  }

  /** All or none of this shard's part of a batch. */
  addDevices(devices: readonly NewDevice[]): "created" | "conflict" {
    const nowMs = Date.now();
    if (devices.some((device) => this.#clients.isOtherDevice(device, nowMs))) return "conflict";
    this.ctx.storage.transactionSync(() => {
      for (const device of devices) this.#clients.addDevice(device, nowMs);
    });
    return "created";
  }

  addApp(app: NewApp): void {
    this.#clients.addApp(app, Date.now());
  }

  /** An app that is known by the document at its client id; a banned one stays banned. */
  putDocumentApp(url: string, metadata: AppMetadata): void {
    this.#clients.putDocumentApp(url, metadata, Date.now());
  }

  client(oauthClientId: string): Client | undefined {
    return this.#clients.find(oauthClientId);
  }

  authenticate(oauthClientId: string, credential: PresentedCredential): Client | undefined {
    return this.#clients.authenticate(oauthClientId, credential);
  }

  managedClient(oauthClientId: string, registrationHash: string): Client | undefined {
    return this.#clients.managed(oauthClientId, registrationHash);
  }

  /** @returns `false`, and nothing changed, where a device has an owner and more than its words would change */
  replaceMetadata(oauthClientId: string, metadata: AppMetadata | DeviceMetadata): boolean {
    return this.ctx.storage.transactionSync(() => {
      const isOwned = this.#grants.ofDevice(oauthClientId) !== undefined;
      if (isOwned && this.#clients.changesWhatItDoes(oauthClientId, metadata)) return false;
      this.#clients.replaceMetadata(oauthClientId, metadata);
      return true;
    });
  }

  /** @returns `false` for a device that has an owner: its factory cannot take it away */
  removeClient(oauthClientId: string): boolean {
    if (this.#grants.ofDevice(oauthClientId) !== undefined) return false;
    this.#clients.remove(oauthClientId);
    return true;
  }

  reserveReference(referenceHash: string, oauthClientId: string): boolean {
    return this.#references.reserve(referenceHash, oauthClientId, Date.now());
  }

  /** @returns how many of them belong to other devices */
  reserveReferences(wanted: readonly ReferenceClaim[]): number {
    return this.ctx.storage.transactionSync(
      () =>
        wanted.filter(
          ({ referenceHash, oauthClientId }) =>
            !this.#references.reserve(referenceHash, oauthClientId, Date.now()),
        ).length,
    );
  }

  confirmReferences(claims: readonly ReferenceClaim[]): void {
    this.ctx.storage.transactionSync(() => {
      for (const { referenceHash, oauthClientId } of claims) {
        this.#references.confirm(referenceHash, oauthClientId);
      }
    });
  }

  confirmReference(referenceHash: string, oauthClientId: string): void {
    this.#references.confirm(referenceHash, oauthClientId);
  }

  // Devices: the credential and what it is for travel together, one hop a call

  async deviceCode(
    oauthClientId: string,
    credential: PresentedCredential,
    boot?: string,
    gateway?: string,
  ): Promise<DeviceCode | undefined> {
    if (this.#clients.authenticate(oauthClientId, credential)?.kind !== "device") return undefined;
    if (gateway !== undefined) this.#claims.wantGateway(oauthClientId, gateway);
    return this.#claims.deviceCode(oauthClientId, boot, Date.now());
  }

  /** @returns `undefined` for a wrong client, `false` for a wrong device code */
  async presence(
    oauthClientId: string,
    credential: PresentedCredential,
    deviceCode: string,
  ): Promise<boolean | undefined> {
    if (this.#clients.authenticate(oauthClientId, credential)?.kind !== "device") return undefined;
    return this.#claims.presence(oauthClientId, deviceCode, Date.now());
  }

  async pollDeviceCode(
    oauthClientId: string,
    credential: PresentedCredential,
    deviceCode: string,
    intervalMs: number,
  ): Promise<TokenResult> {
    if (this.#clients.authenticate(oauthClientId, credential)?.kind !== "device") {
      return { error: "invalid_client" };
    }
    return this.#claims.poll(oauthClientId, deviceCode, intervalMs, Date.now());
  }

  async refreshDevice(
    oauthClientId: string,
    credential: PresentedCredential,
    token: string,
    demand: RefreshDemand = {},
  ): Promise<TokenResult> {
    if (this.#clients.authenticate(oauthClientId, credential)?.kind !== "device") {
      return { error: "invalid_client" };
    }
    return this.#deliveries.pushing(this.#tokens.refresh(token, oauthClientId, Date.now(), demand));
  }

  // Claims

  claimable(claimHash: string): Claimable | undefined {
    return this.#claims.find(claimHash, Date.now());
  }

  /**
   * @param gateway where the device goes unless it has said otherwise
   * @param name the owner's own words: handed on to the personal cloud, kept nowhere here
   */
  async claim(
    claimHash: string,
    anon: string,
    gateway: string,
    model: DeviceModel,
    name: string,
  ): Promise<ClaimResult> {
    const wanted = this.#claims.gatewayOf("claim_hash", claimHash, gateway);
    const result = this.#claims.claim(claimHash, anon, wanted, model, Date.now());
    if (result.kind !== "claimed") return result;
    await this.#deliveries.pushing(
      this.#deliveries.announce(wanted, anon, { handle: result.handle, name, model }),
    );
    const oauthClientId = this.#claims.clientOf(claimHash);
    if (oauthClientId !== undefined) await this.#channels.claimed(oauthClientId);
    return result;
  }

  /** @returns the token of the link, or `undefined` if the device cannot be given away now */
  offerDevice(gid: string, anon: string): Promise<string | undefined> {
    return this.#claims.offer(gid, anon, Date.now());
  }

  offeredDevice(offerHash: string): { readonly softwareId: string } | undefined {
    return this.#claims.offered(offerHash, Date.now());
  }

  /** As `claim`, for a device that its owner offered. */
  async acceptOffer(
    offerHash: string,
    anon: string,
    gateway: string,
    model: DeviceModel,
    name: string,
  ): Promise<ClaimResult> {
    const wanted = this.#claims.gatewayOfOffer(offerHash, gateway, Date.now());
    const result = this.#claims.accept(offerHash, anon, wanted, model, Date.now());
    if (result.kind !== "claimed") return result;
    await this.#deliveries.pushing(
      this.#deliveries.announce(wanted, anon, { handle: result.handle, name, model }),
    );
    return result;
  }

  async setLost(gid: string, anon: string, isLost: boolean): Promise<boolean> {
    return this.#deliveries.pushing(this.#claims.setLost(gid, anon, isLost, Date.now()));
  }

  /**
   * A manufacturer's word about a batch (IDENTITY.md §2.H): `compromised` stops owned devices, `recall` and
   * `unpaid` only tell their owners; devices without an owner cannot be claimed any more.
   * @returns how many devices of the batch are in this shard
   */
  async disableBatch(
    manufacturer: string,
    batch: string,
    reason: "compromised" | "recall" | "unpaid",
  ): Promise<number> {
    const nowMs = Date.now();
    const devices = this.#clients.ofBatch(manufacturer, batch);
    this.ctx.storage.transactionSync(() => {
      for (const oauthClientId of devices) {
        const grant = this.#grants.ofDevice(oauthClientId);
        if (grant === undefined || reason === "compromised")
          this.#clients.setStatus(oauthClientId, "disabled");
        if (grant === undefined) continue;
        if (reason === "compromised") this.#grants.suspend(grant.gid, reason, nowMs);
        else this.#grants.annotate(grant.gid, reason, nowMs);
      }
    });
    await this.#deliveries.pushing(undefined);
    return devices.length;
  }

  /** A banned app: nobody can begin with it, and its grants in this shard end. */
  async banApp(oauthClientId: string): Promise<void> {
    this.#clients.setStatus(oauthClientId, "disabled");
    for (const grant of this.#grants.livingOf("client_id", oauthClientId)) {
      this.#grants.end(grant.gid, "revoked", Date.now(), "banned");
    }
    await this.#deliveries.pushing(undefined);
  }

  // Deletion of an account (IDENTITY.md §2.H)

  /** Begins it, in the user's shard. @returns the receipt's id, the same for a repeated request */
  async beginDeletion(anon: string): Promise<string> {
    const receiptId = await this.#deletions.begin(anon, Date.now());
    await this.ctx.storage.setAlarm(Date.now());
    return receiptId;
  }

  /** @param waitMs how long to wait for its end */
  async deletionState(receiptId: string, waitMs = 0): Promise<DeletionState | undefined> {
    const state = this.#deletions.find(receiptId);
    if (waitMs === 0 || state === undefined || state.finishedMs !== undefined) return state;
    await this.#waiters.wait(`deletion ${receiptId}`, waitMs);
    return this.#deletions.find(receiptId);
  }

  /** One shard's share of a deletion: nothing of this user is left in it. */
  async forgetUser(anon: string): Promise<void> {
    const nowMs = Date.now();
    for (const grant of this.#grants.livingOf("anon", anon)) this.#grants.end(grant.gid, "deleted", nowMs);
    await this.#deliveries.pushing(undefined);
    removeUser(this.ctx.storage, anon);
  }

  /** Whether everything that told somebody of this user has been acknowledged. */
  hasToldAbout(anon: string): boolean {
    return !this.#outbox.mentions(anon);
  }

  denyClaim(claimHash: string): void {
    this.#claims.deny(claimHash);
    const oauthClientId = this.#claims.clientOf(claimHash);
    if (oauthClientId !== undefined) this.#channels.denied(oauthClientId);
  }

  hasArrived(gid: string): boolean {
    return this.#claims.hasArrived(gid);
  }

  // Grants

  introspect(gateway: string, token: string): Promise<Introspection> {
    return this.#tokens.introspect(gateway, token, Date.now());
  }

  async revokeByToken(token: string, oauthClientId: string): Promise<RevocationResult> {
    const ofTheApp = await this.#appTokens.revoke(token, oauthClientId);
    if (ofTheApp !== undefined) return ofTheApp;
    return this.#deliveries.pushing(this.#tokens.revokeByToken(token, oauthClientId, Date.now()));
  }

  /** @returns `false` unless it is this user's own, living grant */
  async endGrant(gid: string, anon: string, reason: "revoked" | "released"): Promise<boolean> {
    const grant = this.#grants.byId(gid);
    if (grant === undefined || grant.anon !== anon || grant.status === "ended") return false;
    this.ctx.storage.transactionSync(() => {
      this.#grants.end(gid, reason, Date.now());
      // Whoever gives a lost device up frees it; nobody else could take the flag off any more.
      if (grant.kind === "device") this.#claims.forgetLoss(grant.client_id);
    });
    await this.#deliveries.pushing(undefined);
    return true;
  }

  async reapprove(gid: string, anon: string): Promise<boolean> {
    const isDone = await this.#deliveries.pushing(this.#grants.reapprove(gid, anon, Date.now()));
    const grant = this.#grants.byId(gid);
    if (isDone && grant?.kind === "device") await this.#channels.claimed(grant.client_id);
    return isDone;
  }

  appsOf(anon: string): readonly GrantSummary[] {
    return this.#grants.appsOf(anon).map(summaryOf);
  }

  /** @returns `undefined` unless it is this user's own, living grant */
  grantOf(gid: string, anon: string): GrantSummary | undefined {
    const grant = this.#grants.byId(gid);
    return grant === undefined || grant.anon !== anon || grant.status === "ended"
      ? undefined
      : summaryOf(grant);
  }

  ownedDevices(anon: string): readonly OwnedDevice[] {
    return this.#owned.of(anon);
  }

  own(anon: string, device: OwnedDevice): void {
    this.#owned.add(anon, device);
  }

  disown(anon: string, gid: string): void {
    this.#owned.remove(anon, gid);
  }

  // Apps

  async openConsent(consent: PendingConsent): Promise<string> {
    await this.#clock.ensure();
    return this.#consents.open(consent, Date.now());
  }

  redeemTicket(gateway: string, ticket: string): Promise<ConsentRequest | undefined> {
    return this.#consents.redeem(gateway, ticket, Date.now());
  }

  concludeConsent(
    gateway: string,
    ticket: string,
    outcome: "approved" | "denied",
  ): Promise<{ returnUri: string } | undefined> {
    return this.#consents.conclude(gateway, ticket, outcome, Date.now());
  }

  finishConsent(
    ticketHash: string,
    anon: string,
    policy: PolicyName,
  ): Promise<{ kind: "denied" } | { kind: "approved"; code: string } | undefined> {
    return this.#consents.finish(ticketHash, anon, policy, Date.now());
  }

  exchangeCode(exchange: CodeExchange): Promise<CodeResult> {
    return this.#deliveries.pushing(this.#consents.exchange(exchange, Date.now()));
  }

  refreshApp(oauthClientId: string, token: string, demand: RefreshDemand): Promise<TokenResult> {
    return this.#deliveries.pushing(this.#tokens.refresh(token, oauthClientId, Date.now(), demand));
  }

  /** A token of the app's own, for its rules at a gateway. The client has been authenticated. */
  async issueAppToken(oauthClientId: string, gateway: string) {
    await this.#clock.ensure();
    return this.#appTokens.issue(oauthClientId, gateway, Date.now());
  }

  introspectApp(gateway: string, token: string): Promise<AppIntrospection> {
    return this.#appTokens.introspect(gateway, token, Date.now());
  }

  async pushRequest(requestHash: string, oauthClientId: string, parameters: string): Promise<number> {
    await this.#clock.ensure();
    return this.#pushed.put(requestHash, oauthClientId, parameters, Date.now());
  }

  takeRequest(requestHash: string, oauthClientId: string): string | undefined {
    return this.#pushed.take(requestHash, oauthClientId, Date.now());
  }

  // Registration jobs

  /** Begins a job, or finds the one of the same request. */
  async beginJob(id: string, order: BatchOrder): Promise<void> {
    this.#jobs.begin(id, order, Date.now());
    await this.#clock.ensure(Date.now());
  }

  /** @param waitMs how long to wait for its end */
  async job(id: string, tokenHash: string, waitMs = 0): Promise<Job | undefined> {
    const job = this.#jobs.find(id, tokenHash);
    if (waitMs === 0 || job?.state !== "running") return job;
    await this.#waiters.wait(`job ${id}`, waitMs);
    return this.#jobs.find(id, tokenHash);
  }

  /** As `job`, for the manufacturer's own page. */
  async jobOfManufacturer(
    id: string,
    manufacturer: string,
    waitMs = 0,
  ): Promise<{ readonly job: Job; readonly tokenHash: string } | undefined> {
    const found = this.#jobs.ofManufacturer(id, manufacturer);
    if (waitMs === 0 || found?.job.state !== "running") return found;
    await this.#waiters.wait(`job ${id}`, waitMs);
    return this.#jobs.ofManufacturer(id, manufacturer);
  }

  /** How many devices of each batch are here, and how many of them have an owner. */
  batchCounts(manufacturer: string): readonly { batch: string; made: number; claimed: number }[] {
    return this.#clients.batchCounts(manufacturer);
  }

  /** What to derive the finished job's devices from again; they themselves are kept nowhere. */
  jobResults(id: string, tokenHash: string): BatchOrder | undefined {
    return this.#jobs.results(id, tokenHash, Date.now());
  }

  // Browser sessions

  async openSession(sessionHash: string): Promise<void> {
    await this.#clock.ensure();
    this.#sessions.open(sessionHash, Date.now());
  }

  session(sessionHash: string): Session | undefined {
    return this.#sessions.find(sessionHash, Date.now());
  }

  logIn(oldHash: string, newHash: string, login: ProvedLogin): boolean {
    return this.#sessions.logIn(oldHash, newHash, login, Date.now());
  }

  closeSession(sessionHash: string): void {
    this.#sessions.close(sessionHash);
  }

  /** This shard's share of logging a person out everywhere. */
  closeSessionsOf(anon: string): void {
    this.#sessions.closeOf(anon);
  }

  takeClaimTry(sessionHash: string, most: number): boolean {
    return this.#sessions.takeClaimTry(sessionHash, most);
  }

  returnClaimTry(sessionHash: string): void {
    this.#sessions.returnClaimTry(sessionHash);
  }

  putInteraction(id: string, sessionHash: string, interaction: Interaction): void {
    this.#sessions.putInteraction(id, sessionHash, interaction, Date.now());
  }

  interaction(id: string, sessionHash: string): Interaction | undefined {
    return this.#sessions.interaction(id, sessionHash, Date.now());
  }

  takeInteraction(id: string, sessionHash: string): boolean {
    return this.#sessions.takeInteraction(id, sessionHash);
  }

  beginLogin(stateHash: string, login: { sessionHash: string; uidp: string; continuePath: string }): void {
    this.#sessions.beginLogin(stateHash, login, Date.now());
  }

  takeLogin(
    stateHash: string,
    sessionHash: string,
    uidp: string,
  ): { continuePath: string; begunMs: number } | undefined {
    return this.#sessions.takeLogin(stateHash, sessionHash, uidp, Date.now());
  }

  // Limits

  async takeAttempt(key: string, most: number, windowMs: number): Promise<number> {
    await this.#clock.ensure();
    return this.#attempts.take(key, most, windowMs, Date.now());
  }

  giveBackAttempt(key: string): void {
    this.#attempts.giveBack(key);
  }

  // Devices' MQTT connections

  /** A WebSocket upgrade of a device whose client id lives here; the Worker has looked at the rest. */
  override async fetch(): Promise<Response> {
    const answer = this.#channels.accept(Date.now());
    await this.#clock.ensure(Date.now() + MINUTE_MS);
    return answer;
  }

  override async webSocketMessage(socket: WebSocket, frame: ArrayBuffer | string): Promise<void> {
    await this.#channels.receive(socket, frame, Date.now());
  }

  // Alarm

  override async alarm(): Promise<void> {
    this.#clock.rang();
    await this.#deliveries.drain();
    const hasMore = await this.#work.workOnJobs();
    await this.#work.workOnDeletions();
    removeExpired(this.ctx.storage.sql, this.#grants, Date.now());
    const nextMs = Math.min(
      this.#deletions.isBusy() ? Date.now() + DELETION_RETRY_MS : Infinity,
      this.#outbox.nextDueMs() ?? Infinity,
      this.#channels.sweep(Date.now()) ?? Infinity,
      Date.now() + HOUR_MS,
    );
    // A job goes on at once; anything else may wait for half a second.
    await this.#clock.set(hasMore ? Date.now() : Math.max(nextMs, Date.now() + 500));
  }
}
