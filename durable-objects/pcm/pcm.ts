import { DurableObject } from "cloudflare:workers";
import { type Arrival, Broker } from "../../engines/broker/broker.ts";
import type { Attachment } from "../../engines/broker/connection.ts";
import type { ConnectionId, Effect } from "../../engines/broker/effect.ts";
import { Gathering } from "../../engines/broker/gathering.ts";
import type { Limits } from "../../engines/broker/limits.ts";
import { takenMark } from "../../engines/broker/taken-mark.ts";
import type { FleetInterest, FleetReturned, FleetReturns } from "../../engines/fleet/fleet-hand-over.ts";
import { createLog } from "../../engines/log/log.ts";
import type {
  Authority,
  ClaimedDevice,
  GatewayAppId,
  GatewayUserId,
  GrantId,
  Introspection,
  RevocationNotice,
  Selection,
} from "../../engines/oauth/authority.ts";
import type { Interest, ResultDelivery, ResultPosition } from "../../engines/streams/hand-over.ts";
import { Alarms } from "./alarms.ts";
import { limitsFrom } from "./config.ts";
import { Fleets, type FleetsBinding, type GrantFeed } from "./fleets.ts";
import { type IntrospectionEnv, introspect } from "./introspection.ts";
import { KeptRows } from "./kept-rows.ts";
import { pairwiseHandle, pairwiseUser } from "./pairwise-handle.ts";
import { migrate } from "./schema.ts";
import { SqlStore } from "./store.ts";
import { type RulesBinding, StreamHandOver } from "./streams.ts";

/** What the object needs of its script's bindings. */
export interface PcmEnv extends IntrospectionEnv {
  /** The owner's rules, and those of apps (workers/cep). */
  readonly RULES?: RulesBinding & FleetsBinding;
  /** See `limitsFrom`. */
  readonly LIMITS?: string;
}

/** What `serializeAttachment` holds: all of it, or where the rest lies because it was too large. */
type Kept = Attachment | { readonly connection: ConnectionId; readonly isInTable: true };

const subprotocols = ["mqtt", "mqttv3.1"];
/** The tag of a socket in which the gateway relays. */
const relayed = "relayed";
/** Two frames of a flooder in this time: as long as an event of another socket of the same user may have to wait. */
const holdMs = 10;
/** So many frames are a turn, whether or not the timer has gone off. */
const mostGathered = 64;
const log = createLog("pcm", console.log);

/**
 * The personal cloud of one user: a broker with sockets, SQLite and an alarm. Named `idFromName(user)`.
 *
 * Everything in memory is made again by the constructor from the tables and the sockets' attachments, so the
 * object may sleep at any moment. Nothing here waits, but for the answer about a token; the broker holds what
 * that client sends meanwhile.
 *
 * @see MESSAGING.md §4, §9
 */
export class Pcm extends DurableObject<PcmEnv> {
  readonly #kept: KeptRows;
  readonly #store: SqlStore;
  readonly #alarms: Alarms;
  readonly #streams: StreamHandOver;
  readonly #fleets: Fleets;
  readonly #limits: Limits;
  readonly #sockets = new Map<ConnectionId, WebSocket>();
  readonly #ids = new WeakMap<WebSocket, ConnectionId>();
  #broker: Broker;
  #lastConnection = 0;
  /** Connections whose attachment has a row. */
  readonly #inTable = new Set<ConnectionId>();
  /** Sockets that sent more than they may since the last hold. */
  readonly #flooders = new Set<WebSocket>();
  #isHeld = false;
  readonly #gathering = new Gathering(() => Date.now());
  /** Frames for the turn that is to come. */
  #gathered: Arrival[] = [];

  constructor(ctx: DurableObjectState, env: PcmEnv) {
    super(ctx, env);
    migrate(ctx.storage.sql);
    this.#kept = new KeptRows(ctx.storage.sql);
    this.#store = new SqlStore(ctx.storage.sql);
    this.#alarms = new Alarms(ctx.storage);
    this.#streams = new StreamHandOver({
      sql: ctx.storage.sql,
      rules: env.RULES,
      user: this.#user,
      devices: () => this.#broker.devices(),
      publish: (messages) => void this.#run(this.#broker.publish(messages)),
      wakeAt: (atMs) => this.#alarms.at(atMs),
    });
    this.#fleets = new Fleets({
      sql: ctx.storage.sql,
      rules: env.RULES,
      grant: (grantId) => this.#broker.grant(grantId),
      limits: () => this.#limits,
      refused: (grantId, topics) => void this.#run(this.#broker.refused(grantId, topics)),
      publish: (messages) => void this.#run(this.#broker.publish(messages)),
      wakeAt: (atMs) => this.#alarms.at(atMs),
    });
    this.#limits = limitsFrom(env.LIMITS);
    this.#broker = this.#restore();
    void ctx.blockConcurrencyWhile(async () => {
      this.#run(this.#broker.wake(await this.#alarms.restore()));
    });
  }

  /** A WebSocket upgrade, from the gateway only. Without an authority header CONNECT must bring a token. */
  override fetch(request: Request): Response {
    if (request.headers.get("Upgrade")?.toLowerCase() !== "websocket") {
      return new Response(null, { status: 426, headers: { Upgrade: "websocket" } });
    }
    const header = request.headers.get("x-edgenym-authority");
    // The gateway wrote it: nobody else has a binding to this class.
    const authority = header === null ? undefined : (JSON.parse(header) as Authority);
    if (authority !== undefined && authority.user !== this.#user) return new Response(null, { status: 403 });
    // Twice, so that a client can come back before its old socket is known to be dead.
    const isFull = this.#sockets.size >= 2 * this.#limits.connections;
    if (isFull || (authority === undefined && !this.#broker.hasRoomForStranger)) {
      return new Response(null, { status: 503 });
    }
    const { 0: client, 1: server } = new WebSocketPair();
    const id = ++this.#lastConnection;
    this.ctx.acceptWebSocket(server, request.headers.has("x-edgenym-relayed") ? [relayed] : []);
    this.#sockets.set(id, server);
    this.#ids.set(server, id);
    this.#run(this.#broker.open(id, authority));
    const offered = request.headers.get("Sec-WebSocket-Protocol")?.split(",") ?? [];
    // [MQTT-6.0.0-3] [MQTT-6.0.0-4] [MQTT-3.1.1:6.0.0-3] [MQTT-3.1.1:6.0.0-4] the offered `mqtt` is the answer
    const chosen = offered.map((name) => name.trim()).find((name) => subprotocols.includes(name));
    return new Response(null, {
      status: 101,
      webSocket: client,
      ...(chosen !== undefined && { headers: { "Sec-WebSocket-Protocol": chosen } }),
    });
  }

  override webSocketMessage(ws: WebSocket, frame: ArrayBuffer | string): void | Promise<void> {
    const id = this.#ids.get(ws);
    if (id === undefined) {
      // Closed, and yet it sends.
      this.#hold(ws);
      return;
    }
    if (typeof frame === "string") {
      if (frame === takenMark && this.ctx.getTags(ws).includes(relayed)) {
        ws.send(takenMark);
        return;
      }
      this.#takeGathered();
      return this.#guard([id], () => this.#broker.receivedText(id));
    }
    const bytes = new Uint8Array(frame);
    const isFirst = this.#gathered.length === 0;
    if (isFirst && !this.#gathering.waits()) {
      return this.#guard([id], () => this.#broker.receive(id, bytes));
    }
    this.#gathered.push({ from: id, bytes });
    // Whatever has arrived until the timer goes off shares the turn; while it is set, the object does not sleep.
    if (isFirst) setTimeout(() => this.#takeGathered(), 0);
    // While frames keep coming the runtime does not look at its timers.
    else if (this.#gathered.length >= mostGathered) this.#takeGathered();
  }

  override webSocketClose(ws: WebSocket): void | Promise<void> {
    return this.#gone(ws);
  }

  override webSocketError(ws: WebSocket): void | Promise<void> {
    return this.#gone(ws);
  }

  override alarm(): void | Promise<void> {
    this.#alarms.wentOff();
    this.#streams.retry();
    this.#fleets.retry();
    return this.#run(this.#broker.alarm());
  }

  /** A device was claimed by this user; idempotent. */
  addDevice(device: ClaimedDevice): void {
    this.#run(this.#broker.addDevice(device));
  }

  devices(): readonly ClaimedDevice[] {
    return this.#broker.devices();
  }

  /**
   * Stores what the owner chose for an app; live connections of that app see the new view at once, and so do its rules.
   * @param feed which app's rules it feeds.
   */
  async select(selection: Selection, feed?: GrantFeed): Promise<void> {
    const key = this.#store.pairwiseKey(selection.grantId);
    const devices = await Promise.all(
      selection.devices.map(async ({ handle, actions }) => ({
        handle,
        actions,
        pairwiseHandle: await pairwiseHandle(key, handle),
      })),
    );
    const { grantId, appName, expiresAtMs } = selection;
    const user = await pairwiseUser(key);
    this.#run(this.#broker.setGrant({ grantId, appName, expiresAtMs, devices }));
    if (feed === undefined) return;
    this.#fleets.granted(grantId, feed, user);
  }

  selection(grantId: GrantId): Selection | undefined {
    const grant = this.#broker.grant(grantId);
    if (grant === undefined) return undefined;
    return { ...grant, devices: grant.devices.map(({ handle, actions }) => ({ handle, actions })) };
  }

  /** Authority ended before its time; idempotent, and harmless when it comes late. */
  async revoked(notice: RevocationNotice): Promise<void> {
    this.#run(this.#broker.revoke(notice));
    if (notice.handle === "*") await this.#streams.forget();
  }

  /** Which topics the owner's rules want; from the stream app, whenever that changes. */
  streamInterest(interest: Interest): void {
    this.#streams.setInterest(interest);
  }

  /** Results of the owner's rules that came without an event, by a timer. */
  streamResults(delivery: ResultDelivery): ResultPosition {
    return this.#streams.takeResults(delivery);
  }

  /** What the rules of an app want of this user, who is `user` to it. */
  fleetInterest(app: GatewayAppId, user: string, interest: FleetInterest): void {
    this.#fleets.setInterest(app, user, interest);
  }

  /** Results of an app's rules that concern this user; the grant decides. */
  fleetResults(app: GatewayAppId, user: string, returns: FleetReturns): FleetReturned {
    return this.#fleets.takeResults(app, user, returns);
  }

  get #user(): GatewayUserId {
    // The gateway names each object after its user; an object without a name belongs to nobody.
    return (this.ctx.id.name ?? "") as GatewayUserId;
  }

  /** A broker over the tables and the sockets that are open now. */
  #restore(): Broker {
    const attachments: Attachment[] = [];
    for (const ws of this.ctx.getWebSockets()) {
      const attachment = this.#attachmentOf(ws);
      if (attachment === undefined) continue;
      attachments.push(attachment);
      this.#sockets.set(attachment.connection, ws);
      this.#ids.set(ws, attachment.connection);
      this.#lastConnection = Math.max(this.#lastConnection, attachment.connection);
    }
    return new Broker(
      {
        user: this.#user,
        store: this.#store,
        now: () => Date.now(),
        random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
        limits: this.#limits,
        observe: (message) => {
          this.#streams.observe(message);
          this.#fleets.observe(message);
        },
      },
      attachments,
    );
  }

  /** Takes the frames that were gathered, in a turn. */
  #takeGathered(): void {
    const arrivals = this.#gathered;
    if (arrivals.length === 0) return;
    this.#gathered = [];
    void this.#guard(
      arrivals.map(({ from }) => from),
      () => this.#broker.receiveAll(arrivals),
    );
    this.#gathering.took(arrivals.length);
  }

  /** Runs one turn for some sockets. A bug of ours costs those sockets, and never the broker's consistency. */
  #guard(ids: readonly ConnectionId[], turn: () => Effect[]): void | Promise<void> {
    let effects: Effect[];
    try {
      effects = turn();
    } catch (error) {
      log.error("turn.failed", {
        code: "INTERNAL",
        step: error instanceof Error ? error.name.toLowerCase() : "?",
      });
      for (const id of ids) this.#close(id, 1011);
      this.#broker = this.#restore();
      return this.#run(this.#broker.wake(this.#alarms.atMs));
    }
    return this.#run(effects);
  }

  /** Carries out what a turn asked for, in order. Resolves when no answer is awaited any more. */
  #run(effects: readonly Effect[]): void | Promise<void> {
    this.#store.settle();
    const waiting: Promise<void>[] = [];
    for (const effect of effects) {
      switch (effect.kind) {
        case "send":
          this.#send(effect.to, effect.bytes);
          break;
        case "close":
          this.#close(effect.to, effect.code);
          break;
        case "attach":
          this.#attach(effect.to, effect.attachment);
          break;
        case "hold":
          this.#hold(this.#sockets.get(effect.from));
          break;
        case "alarm":
          this.#alarms.at(effect.atMs);
          break;
        case "authenticate":
          waiting.push(this.#authenticate(effect.on, effect.token));
          break;
      }
    }
    this.#streams.flush();
    this.#fleets.flush();
    if (waiting.length > 0) return Promise.all(waiting).then(() => undefined);
  }

  /**
   * Takes nothing in for `holdMs`, once this socket has had its turn since the last time: so each of many that flood
   * gets one frame through, and everybody else waits for one hold, not for one a flooder. Only what is not taken in
   * makes the runtime stop reading from a socket. What is taken in and dropped costs an event each, and while there
   * are any the other users' objects wait (bench/broker/fairness.ts).
   */
  #hold(flooder: WebSocket | undefined): void {
    if (flooder === undefined || this.#isHeld) return;
    if (!this.#flooders.has(flooder)) {
      this.#flooders.add(flooder);
      return;
    }
    this.#flooders.clear();
    this.#isHeld = true;
    void this.ctx.blockConcurrencyWhile(async () => {
      await scheduler.wait(holdMs);
      this.#isHeld = false;
    });
  }

  #send(id: ConnectionId, bytes: Uint8Array): void {
    try {
      this.#sockets.get(id)?.send(bytes);
    } catch {
      // The client went away first; webSocketClose or webSocketError says so in its own turn.
    }
  }

  #close(id: ConnectionId, code: number): void {
    const ws = this.#sockets.get(id);
    this.#sockets.delete(id);
    if (ws === undefined) return;
    this.#ids.delete(ws);
    ws.serializeAttachment(null);
    if (this.#inTable.delete(id)) this.#kept.delete("attachment", String(id));
    try {
      ws.close(code);
    } catch {
      // Closed by the other side already.
    }
  }

  async #authenticate(id: ConnectionId, token: string): Promise<void> {
    let introspection: Introspection | undefined;
    try {
      introspection = await introspect(this.env, token);
    } catch {
      log.warn("introspection.unavailable", { code: "UNAVAILABLE" });
    }
    await this.#guard([id], () => this.#broker.authenticated(id, introspection));
  }

  #gone(ws: WebSocket): void | Promise<void> {
    const id = this.#ids.get(ws);
    try {
      // Unanswered, the client's closing handshake would hang.
      ws.close();
    } catch {
      // There is nobody left to answer.
    }
    if (id === undefined) return;
    // What it sent before it went, a DISCONNECT perhaps, counts first.
    this.#takeGathered();
    return this.#guard([id], () => this.#broker.closed(id));
  }

  /** Kept beside the socket, or, if it is larger than the runtime takes there (16 KiB), in a row. */
  #attach(id: ConnectionId, attachment: Attachment): void {
    const ws = this.#sockets.get(id);
    if (ws === undefined) return;
    try {
      ws.serializeAttachment(attachment);
    } catch {
      this.#kept.save("attachment", String(id), attachment);
      this.#inTable.add(id);
      ws.serializeAttachment({ connection: id, isInTable: true } satisfies Kept);
    }
  }

  #attachmentOf(ws: WebSocket): Attachment | undefined {
    // Written by #attach or #close and by nothing else.
    const kept = ws.deserializeAttachment() as Kept | null;
    if (kept === null || !("isInTable" in kept)) return kept ?? undefined;
    this.#inTable.add(kept.connection);
    return this.#kept.get<Attachment>("attachment", String(kept.connection));
  }
}
