import { describe, expect, test } from "vitest";
import type { TopicFilter, TopicName } from "../mqtt/packet.ts";
import { matches, parseSharedFilter } from "../mqtt/topic.ts";
import type { AccessAction, Authority, DeviceHandle, GrantId, Permission } from "../oauth/authority.ts";
import { Random } from "../testing/random.ts";
import type { CanonicalTopic } from "./message.ts";
import { Routes } from "./routes.ts";
import { Session } from "./session.ts";
import type { StoredGrant, Subscription } from "./store.ts";

// Branded strings in this file are a test's own.
const levels = ["a", "telemetry", "command", "light", "reply", "$state", "", "devices", "grant"];
const handles = ["dh1", "dh2", "dh3"];
const seeds = Array.from({ length: 40 }, (_, index) => 0xed6e + index);

/** A user's sessions and subscriptions by chance, kept in `Routes` and beside it. */
class RandomHome {
  readonly random: Random;
  readonly routes = new Routes((handle) => handles.includes(handle));
  readonly sessions: Session[] = [];
  readonly #grants = new Map<string, StoredGrant>();
  #lastId = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    for (const app of ["app1", "app2"]) this.consent(app);
    for (let i = 0; i < 8; i++) this.addSession();
  }

  consent(app: string): void {
    const { random } = this;
    const actions: AccessAction[] = ["read", "command", "shadow", "history"];
    const grant: StoredGrant = {
      grantId: app as GrantId,
      appName: app,
      expiresAtMs: 1e15,
      devices: handles
        .filter(() => random.chance(60))
        .map((handle) => ({
          handle: handle as DeviceHandle,
          pairwiseHandle: `${app}-${handle}`,
          actions: actions.filter(() => random.chance(60)),
        })),
    };
    this.#grants.set(app, grant);
    this.routes.setApp(
      grant,
      this.sessions.filter(({ kind, handle }) => kind === "app" && handle === app),
    );
  }

  addSession(): void {
    const { random } = this;
    const kind = random.pick<Authority["kind"]>(["device", "app", "owner"]);
    const handle =
      kind === "device" ? random.pick(handles) : kind === "app" ? random.pick(["app1", "app2"]) : "o";
    const mount =
      kind === "device"
        ? this.routes.device(handle)
        : kind === "app"
          ? this.routes.app(handle)
          : this.routes.owner;
    if (mount === undefined) throw new Error("no mount");
    const permissions: Permission[] = random.chance(70)
      ? [["#", ["pub", "sub"]]]
      : [[this.filter(), ["sub"]]];
    this.#lastId++;
    const session = new Session(
      {
        id: this.#lastId,
        kind,
        handle,
        mqttClientId: `c${this.#lastId}`,
        protocolLevel: 5,
        generation: 1,
        isConnected: true,
        expirySeconds: 0,
        permissions,
        subscriptions: [],
      },
      mount,
    );
    this.sessions.push(session);
    for (let i = 0; i < 4; i++) this.subscribe(session);
  }

  subscribe(session: Session): void {
    const { random } = this;
    const filter = `${random.chance(20) ? "$share/g/" : ""}${this.filter()}` as TopicFilter; // well-formed by making
    const subscription: Subscription = {
      topicFilter: filter,
      qos: random.pick([0, 1, 2] as const),
      noLocal: random.chance(20),
      retainAsPublished: random.chance(20),
    };
    session.subscribe(subscription);
    this.routes.subscribe(session, subscription);
  }

  unsubscribe(): void {
    const session = this.random.pick(this.sessions);
    const subscription = this.random.pick([...session.subscriptions.values()]);
    if (subscription === undefined) return;
    session.unsubscribe(subscription.topicFilter);
    this.routes.unsubscribe(session, subscription);
  }

  end(): void {
    const [session] = this.sessions.splice(this.random.int(this.sessions.length), 1);
    if (session !== undefined) this.routes.remove(session);
    this.addSession();
  }

  filter(): string {
    const { random } = this;
    if (random.chance(5)) return "#";
    const parts = [];
    if (random.chance(60)) parts.push("devices", random.chance(30) ? "+" : this.#someHandle());
    while (parts.length === 0 || random.chance(60)) parts.push(random.chance(25) ? "+" : random.pick(levels));
    if (random.chance(30)) parts.push("#");
    return parts.join("/");
  }

  topic(): CanonicalTopic {
    const { random } = this;
    if (random.chance(10)) return `grants/${random.pick(["app1", "app2", "app3"])}` as CanonicalTopic; // canonical by making
    const parts = random.chance(80) ? ["devices", random.pick([...handles, "dh9"])] : [];
    do parts.push(random.pick(levels));
    while (random.chance(60));
    return (parts.join("/") || "x") as CanonicalTopic; // canonical by making
  }

  #someHandle(): string {
    const { random } = this;
    return random.chance(50)
      ? random.pick(handles)
      : `${random.pick(["app1", "app2"])}-${random.pick(handles)}`;
  }

  /** Who gets `topic`, by asking every subscription of every session: `id:QoS`, or `group:id` for a share. */
  naive(topic: CanonicalTopic): string[] {
    const found: string[] = [];
    for (const session of this.sessions) {
      const local = this.#localName(session, topic);
      if (local === undefined || !session.mayReceive(local)) continue;
      const qos: number[] = [];
      for (const subscription of session.subscriptions.values()) {
        const shared = parseSharedFilter(subscription.topicFilter);
        if (!matches(shared?.topicFilter ?? subscription.topicFilter, local)) continue;
        if (shared === undefined) qos.push(subscription.qos);
        else found.push(`${shared.topicFilter}:${session.mount.kind}:${session.id}`);
      }
      if (qos.length > 0) found.push(`${session.id}:${Math.max(...qos)}`);
    }
    return found.sort();
  }

  /** The mapping of MESSAGING.md §2 written down a second time. */
  #localName(session: Session, topic: CanonicalTopic): TopicName | undefined {
    if (session.kind === "owner") return topic as string as TopicName;
    const [root, handle, ...rest] = topic.split("/");
    if (session.kind === "device") {
      if (root !== "devices" || handle !== session.handle || rest.join("/") === "") return undefined;
      return rest.join("/") as TopicName;
    }
    if (topic === `grants/${session.handle}`) return "grant" as TopicName;
    const chosen = this.#grants.get(session.handle)?.devices.find((device) => device.handle === handle);
    if (root !== "devices" || chosen === undefined || rest.length === 0) return undefined;
    return ["devices", chosen.pairwiseHandle, ...rest].join("/") as TopicName;
  }

  routed(topic: CanonicalTopic): string[] {
    const { targets, shared } = this.routes.find(topic);
    return [
      ...targets.map(({ session, granted }) => `${session.id}:${granted.qos}`),
      ...shared.flatMap(({ members }) =>
        members.flatMap(({ session, topicName }) =>
          [...session.subscriptions.values()].flatMap(({ topicFilter }) => {
            const filter = parseSharedFilter(topicFilter)?.topicFilter;
            return filter !== undefined && matches(filter, topicName)
              ? [`${filter}:${session.mount.kind}:${session.id}`]
              : [];
          }),
        ),
      ),
    ]
      .filter((entry, index, all) => all.indexOf(entry) === index)
      .sort();
  }
}

describe("routes", () => {
  test.each(seeds)("with their cache agree with asking every subscription (seed %i)", (seed) => {
    const home = new RandomHome(seed);
    const topics = Array.from({ length: 30 }, () => home.topic());
    let reached = 0;
    for (let step = 0; step < 60; step++) {
      const change = home.random.int(10);
      if (change === 0) home.consent(home.random.pick(["app1", "app2"]));
      else if (change === 1) home.unsubscribe();
      else if (change === 2) home.subscribe(home.random.pick(home.sessions));
      else if (change === 3) home.end();
      for (const topic of topics) {
        const expected = home.naive(topic);
        reached += expected.length;
        expect(home.routed(topic), topic).toEqual(expected);
      }
    }
    expect(reached).toBeGreaterThan(0);
  });

  test("a topic name that is empty behind the device's handle is not in its mount", () => {
    const routes = new Routes(() => true);
    expect(routes.device("dh1").toLocal("devices/dh1/" as CanonicalTopic)).toBeUndefined();
  });
});
