import type { Permission } from "../oauth/authority.ts";

/** AIF-MQTT pairs, compiled once a session (RFC 9431 §2.3). */
export interface PermissionSet {
  mayPublish(topicName: string): boolean;
  mayReceive(topicName: string): boolean;
  /** Whether some topic that the filter matches may be received; delivery narrows to those. */
  maySubscribe(topicFilter: string): boolean;
}

/**
 * @param permissions filters in the session's own names. Unlike a subscription's, a leading wildcard covers
 * names that start with `$` too: `#` is everything in the mount.
 */
export function compilePermissions(permissions: readonly Permission[]): PermissionSet {
  const filtersFor = (action: "pub" | "sub") =>
    permissions.filter(([, actions]) => actions.includes(action)).map(([filter]) => filter.split("/"));
  const publish = filtersFor("pub");
  const subscribe = filtersFor("sub");
  return {
    mayPublish: (topicName) => someOverlap(publish, topicName),
    mayReceive: (topicName) => someOverlap(subscribe, topicName),
    maySubscribe: (topicFilter) => someOverlap(subscribe, topicFilter),
  };
}

function someOverlap(filters: readonly (readonly string[])[], filterOrName: string): boolean {
  const levels = filterOrName.split("/");
  return filters.some((filter) => overlap(filter, levels));
}

/** Whether some topic name is matched by both, level by level; a name is a filter that matches only itself. */
export function overlap(a: readonly string[], b: readonly string[]): boolean {
  for (let i = 0; ; i++) {
    const left = a[i];
    const right = b[i];
    // "sport/#" also matches "sport", so "#" meets the end of the other as well.
    if (left === "#" || right === "#") return true;
    if (left === undefined || right === undefined) return left === right;
    if (left !== right && left !== "+" && right !== "+") return false;
  }
}
