import type { TopicName } from "../mqtt/packet.ts";
import type { AccessAction, Authority, DeviceHandle, Permission } from "../oauth/authority.ts";
import type { CanonicalTopic } from "./message.ts";
import { compilePermissions, type PermissionSet } from "./permission.ts";
import type { StoredGrant } from "./store.ts";

/**
 * How one principal sees the tree of its user (MESSAGING.md §2). A name that has no place in the mount does
 * not exist for it: it can be neither published, subscribed, received, nor matched by a wildcard.
 */
export interface Mount {
  readonly kind: Authority["kind"];
  /** Device handle or grant id; "" for the owner, whose sessions share one mount. */
  readonly handle: string;
  /** @returns `undefined` outside the mount. */
  toCanonical(topicName: TopicName): CanonicalTopic | undefined;
  /** @returns `undefined` outside the mount. */
  toLocal(topicName: CanonicalTopic): TopicName | undefined;
  /** What the mount allows, before the token's own permissions narrow it. */
  readonly view: PermissionSet;
  /** Canonical prefixes under which lies everything it can see. */
  readonly roots: readonly string[];
}

/** What a string on the wire can hold (MQTT 5.0 §1.5.4). */
const longestOnWire = 65_535;

/** Whether a name that a mount has lengthened still fits into a packet; a mount has no names that do not. */
function onWire(name: string): TopicName | undefined {
  // A UTF-16 unit is at most three bytes, so only very long names are worth measuring.
  const fits = name.length * 3 <= longestOnWire || new TextEncoder().encode(name).byteLength <= longestOnWire;
  return fits ? (name as TopicName) : undefined; // made of a valid name and a prefix
}

/** Where the platform tells an app what was consented; `grant` in the app's mount. */
export function grantTopic(grantId: string): CanonicalTopic {
  return `grants/${grantId}` as CanonicalTopic; // made here, in the canonical tree
}

/** Everything of one device lies under this. */
export function devicePrefix(handle: string): string {
  return `devices/${handle}/`;
}

const deviceTopic = /^devices\/([^/]+)\//;

/** @returns the handle in `devices/{dh}/…`, `undefined` for every other topic. */
export function deviceOf(topicName: CanonicalTopic): DeviceHandle | undefined {
  // The only maker of handles is the DIdP; an unknown one matches no mount.
  return deviceTopic.exec(topicName)?.[1] as DeviceHandle | undefined; // as above
}

/** A device sees its own sub-tree, and nothing tells it that there is more. */
export function deviceMount(handle: string): Mount {
  const prefix = devicePrefix(handle);
  return {
    kind: "device",
    handle,
    toCanonical: (topicName) => `${prefix}${topicName}` as CanonicalTopic, // the mount's own prefix
    toLocal: (topicName) =>
      topicName.startsWith(prefix) && topicName.length > prefix.length
        ? (topicName.slice(prefix.length) as TopicName) // a part of a valid name
        : undefined,
    view: compilePermissions([["#", ["pub", "sub"]]]),
    roots: [prefix],
  };
}

/** Roots that only the platform writes. */
const platformRoots = new Set(["grants", "ledger", "alarms"]);

/**
 * The owner sees the canonical tree itself, and may use any topic beside the reserved roots.
 *
 * @param isDevice whether a handle is one of this user's devices now.
 */
export function ownerMount(isDevice: (handle: string) => boolean): Mount {
  const mayPublish = (topicName: string) => {
    if (topicName.startsWith("$")) return false;
    const [root = "", handle] = topicName.split("/", 2);
    if (root === "devices") return handle !== undefined && isDevice(handle);
    return !platformRoots.has(root);
  };
  return {
    kind: "owner",
    handle: "",
    toCanonical: (topicName) => topicName as string as CanonicalTopic, // the same tree
    toLocal: onWire,
    view: { mayPublish, mayReceive: () => true, maySubscribe: () => true },
    roots: [""],
  };
}

/** What each action of a consent opens below `devices/{ph}/` (IDENTITY.md §2.F). */
const opens: Record<AccessAction, readonly Permission[]> = {
  read: [
    ["telemetry/#", ["sub"]],
    ["event/#", ["sub"]],
    ["$state", ["sub"]],
    ["$description", ["sub"]],
  ],
  command: [
    ["command/+", ["pub"]],
    ["command/+/reply", ["sub"]],
    ["$description", ["sub"]],
  ],
  shadow: [
    ["state/desired", ["pub"]],
    ["state/reported", ["sub"]],
    ["state/delta", ["sub"]],
    ["$description", ["sub"]],
  ],
  history: [],
};

/** An app sees the devices that were chosen for it, under names of its own, `grant`, and `rules/…` of its own rules. */
export function appMount(grant: StoredGrant): Mount {
  const handleOf = new Map(grant.devices.map((device) => [device.pairwiseHandle, device.handle]));
  const pairwiseOf = new Map(grant.devices.map((device) => [device.handle, device.pairwiseHandle]));
  const ownTopic = grantTopic(grant.grantId);
  const permissions = grant.devices.flatMap((device) =>
    device.actions.flatMap((action) =>
      opens[action].map(
        ([filter, actions]): Permission => [`${devicePrefix(device.pairwiseHandle)}${filter}`, actions],
      ),
    ),
  );
  return {
    kind: "app",
    handle: grant.grantId,
    toCanonical(topicName) {
      if (topicName === "grant") return ownTopic;
      // What the app's own rules put out for this user.
      if (topicName.startsWith("rules/")) return `${ownTopic}/${topicName}` as CanonicalTopic; // below its own
      const [, pairwise = ""] = deviceTopic.exec(topicName) ?? [];
      const handle = handleOf.get(pairwise);
      if (handle === undefined) return undefined;
      const rest = topicName.slice(devicePrefix(pairwise).length);
      return `${devicePrefix(handle)}${rest}` as CanonicalTopic; // one handle exchanged for the other
    },
    toLocal(topicName) {
      if (topicName === ownTopic) return "grant" as TopicName; // the mount's own name
      if (topicName.startsWith(`${ownTopic}/rules/`)) return onWire(topicName.slice(ownTopic.length + 1));
      const handle = deviceOf(topicName);
      const pairwise = handle === undefined ? undefined : pairwiseOf.get(handle);
      if (handle === undefined || pairwise === undefined) return undefined;
      const rest = topicName.slice(devicePrefix(handle).length);
      return onWire(`${devicePrefix(pairwise)}${rest}`);
    },
    view: compilePermissions([["grant", ["sub"]], ["rules/#", ["sub"]], ...permissions]),
    roots: [ownTopic, ...grant.devices.map((device) => devicePrefix(device.handle))],
  };
}
