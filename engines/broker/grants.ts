import type { ReasonCode } from "../mqtt/packet.ts";
import { reasonCode } from "../mqtt/reason-code.ts";
import type { ClaimedDevice, DeviceHandle, GrantId, RevocationNotice } from "../oauth/authority.ts";
import { PendingCommands } from "./commands.ts";
import { watchSilence } from "./deadlines.ts";
import { publishMessage } from "./deliver.ts";
import { dropSession, refuseConnection } from "./lifecycle.ts";
import { devicePrefix, grantTopic } from "./mount.ts";
import { clearRetainedOf, clearRetainedUnder } from "./retained.ts";
import type { Session } from "./session.ts";
import type { BrokerState } from "./state.ts";
import type { StoredGrant } from "./store.ts";

/** A device was claimed, or told again. */
export function addDevice(state: BrokerState, device: ClaimedDevice): void {
  if (JSON.stringify(state.devices.get(device.handle)) === JSON.stringify(device)) return;
  state.devices.set(device.handle, device);
  state.store.apply({ kind: "save-device", device });
  // Whether the owner may publish to it depends on the list.
  state.routes.changed();
  tellApps(state, (grant) => grant.devices.some(({ handle }) => handle === device.handle));
}

/** The owner chose, or chose anew: live sessions of the app see the new view from the next message on. */
export function setGrant(state: BrokerState, grant: StoredGrant): void {
  state.grants.set(grant.grantId, grant);
  state.store.apply({ kind: "save-grant", grant });
  state.routes.setApp(grant, sessionsOf(state, "app", grant.grantId));
  state.wakeAt(grant.expiresAtMs);
  for (const session of sessionsOf(state, "app", grant.grantId)) {
    const { connection } = session;
    if (connection?.authority === undefined || connection.authority.expiresAtMs <= grant.expiresAtMs)
      continue;
    connection.authority = { ...connection.authority, expiresAtMs: grant.expiresAtMs };
    state.keep(connection);
  }
  watchSilence(state);
  tellApps(state, ({ grantId }) => grantId === grant.grantId);
}

/** Above every epoch that a token can have. */
const afterDeletion = Number.MAX_SAFE_INTEGER;

/**
 * The DIdP says that authority ended before its time. Idempotent; a late notice harms nobody whose authority is
 * newer than it.
 *
 * @see IDENTITY.md §2.G
 */
export function revoke(state: BrokerState, notice: RevocationNotice): void {
  const { handle, reason } = notice;
  const isDeletion = handle === "*" && reason === "deleted";
  // After a deletion no token is good any more, whatever its epoch, and what is told late is not kept.
  const epoch = isDeletion ? afterDeletion : notice.epoch;
  if (handle !== "*" && state.refusedEpochs.get("*") === afterDeletion) return;
  const isMeant = (session: Session) => handle === "*" || session.handle === handle;
  const known = state.refusedEpochs.get(handle) ?? 0;
  if (epoch < known) return;
  if (epoch > known) {
    state.refusedEpochs.set(handle, epoch);
    state.store.apply({ kind: "refuse-below", handle, epoch });
  }
  const isLate = [...state.connections.values()].some(
    ({ session, authority }) => session !== undefined && isMeant(session) && (authority?.epoch ?? 0) >= epoch,
  );
  if (isLate && handle !== "*") return;
  const code = reason === "suspect" ? reasonCode.notAuthorized : reasonCode.administrativeAction;
  const ended = [...state.connections.values()].filter(
    ({ session, authority }) =>
      session !== undefined && authority !== undefined && isMeant(session) && authority.epoch < epoch,
  );
  // A stolen token says nothing about the device, so its will is honest; otherwise nothing more is said or heard.
  if (reason !== "suspect")
    for (const { session } of ended) if (session !== undefined) silence(state, session);
  for (const connection of ended) refuseConnection(state, connection, code);
  if (reason === "suspect") return;
  if (isDeletion) {
    forgetUser(state);
    return;
  }
  const left = [...state.sessions.values()].filter(
    (session) => isMeant(session) && session.connection === undefined,
  );
  for (const session of left) silence(state, session);
  for (const session of left) dropSession(state, session);
  if (state.grants.has(handle)) endGrant(state, handle as GrantId, code); // a key of the table
  if (state.devices.has(handle)) releaseDevice(state, handle as DeviceHandle); // a key of the table
}

/** A consent is over: nothing of the app stays. */
export function endGrant(state: BrokerState, grantId: GrantId, code: ReasonCode): void {
  const sessions = [...sessionsOf(state, "app", grantId)];
  for (const session of sessions) silence(state, session);
  for (const session of sessions) {
    if (session.connection !== undefined) refuseConnection(state, session.connection, code);
    if (state.sessions.has(session.id)) dropSession(state, session);
  }
  state.routes.deleteApp(grantId);
  state.grants.delete(grantId);
  state.store.apply({ kind: "delete-grant", grantId });
  state.store.apply({ kind: "clear-retained", topicName: grantTopic(grantId) });
  clearRetainedUnder(state, `${grantTopic(grantId)}/`);
  clearRetainedOf(state, { kind: "app", handle: grantId });
  state.commands.forget(state, ({ publisher }) => publisher.kind === "app" && publisher.handle === grantId);
}

/** A device has no owner here any more: its topics go, and no app sees it. */
function releaseDevice(state: BrokerState, handle: DeviceHandle): void {
  state.devices.delete(handle);
  state.store.apply({ kind: "delete-device", handle });
  clearRetainedUnder(state, devicePrefix(handle));
  state.commands.forget(state, ({ device }) => device === handle);
  for (const grant of [...state.grants.values()]) {
    const devices = grant.devices.filter((device) => device.handle !== handle);
    if (devices.length < grant.devices.length) setGrant(state, { ...grant, devices });
  }
  state.routes.changed();
}

/** The account is deleted: only the refused epochs stay, so that late tokens find no door. */
function forgetUser(state: BrokerState): void {
  for (const session of state.sessions.values()) silence(state, session);
  for (const connection of [...state.connections.values()]) {
    refuseConnection(state, connection, reasonCode.administrativeAction);
  }
  for (const session of [...state.sessions.values()]) dropSession(state, session);
  for (const grantId of state.grants.keys()) state.routes.deleteApp(grantId);
  state.grants.clear();
  state.devices.clear();
  state.store.apply({ kind: "forget-user" });
  state.retainedTotals = undefined;
  state.commands = new PendingCommands();
}

/** Of a session that is about to end: no will of its own, and nothing that others of its kind would leave to it. */
function silence(state: BrokerState, session: Session): void {
  session.will = undefined;
  state.routes.remove(session);
}

/** Publishes `grant` anew for the apps concerned: what was consented, until when (MESSAGING.md §2). */
function tellApps(state: BrokerState, isConcerned: (grant: StoredGrant) => boolean): void {
  for (const grant of state.grants.values()) {
    if (!isConcerned(grant)) continue;
    publishMessage(
      state,
      {
        topicName: grantTopic(grant.grantId),
        payload: new TextEncoder().encode(JSON.stringify(describeGrant(state, grant))),
        qos: 1,
        retain: true,
        publisher: { kind: "system", handle: "" },
      },
      undefined,
    );
  }
}

/** The owner's own name for a device is not in here, nor its handle. */
function describeGrant(state: BrokerState, grant: StoredGrant) {
  return {
    devices: grant.devices.map(({ handle, pairwiseHandle, actions }) => {
      const model = state.devices.get(handle)?.model;
      return {
        handle: pairwiseHandle,
        title: model?.title ?? "",
        properties: actions.includes("read") ? (model?.properties ?? {}) : {},
        actions: actions.includes("command") ? (model?.actions ?? {}) : {},
      };
    }),
    expires_at: new Date(grant.expiresAtMs).toISOString(),
  };
}

function* sessionsOf(state: BrokerState, kind: Session["kind"], handle: string): Iterable<Session> {
  for (const session of state.sessions.values()) {
    if (session.kind === kind && session.handle === handle) yield session;
  }
}
