import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Factory, RegistrationError } from "../../sdk/factory.ts";
import { Gate } from "../concurrency.ts";
import { credentialFile, Fleet, type FleetProgress } from "./fleet.ts";
import { FleetJournal } from "./fleet-journal.ts";

const didp = "http://didp.test";
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "edgenym-fleet-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A factory whose DIdP has no quota left. */
class EmptyFactory extends Factory {
  tried = 0;

  constructor() {
    super({ didp, initialAccessToken: "iat" });
  }

  override async register(): Promise<never> {
    this.tried += 1;
    throw new RegistrationError("access_denied", 403);
  }
}

test("a credential is one line, with dashes where there is nothing", () => {
  const common = { userName: "Bearer", password: "token", userKey: "u1" };
  expect(
    credentialFile([
      { ...common, mqttClientId: "c1", topicPrefix: "", role: "dev" },
      { ...common, mqttClientId: "c2", topicPrefix: "devices/+/", role: "tpa" },
    ]),
  ).toBe("c1 Bearer token - user=u1 role=dev\nc2 Bearer token devices/+/ user=u1 role=tpa\n");
});

test("users that fail are told with the reason, and when all of the first fail, the rest is not tried", async () => {
  const factory = new EmptyFactory();
  const progress: FleetProgress[] = [];
  const path = join(folder, "fleet.journal");
  const fleet = new Fleet(
    {
      gateway: "http://127.0.0.1:9",
      factory,
      journal: new FleetJournal(path, didp),
      claims: new Gate(1),
      product: "room-node",
      signal: new AbortController().signal,
    },
    {
      users: 50,
      devicesPerUser: 1,
      loginPrefix: "load-",
      concurrency: 1,
      onProgress: (step) => progress.push(step),
    },
  );
  const { credentials, failed } = await fleet.make();
  expect(credentials).toEqual([]);
  expect(failed.map(({ user }) => user)).toEqual(["u1", "u2", "u3", "u4", "u5"]);
  expect(factory.tried).toBe(5);
  expect(progress.at(-1)).toEqual({
    done: 0,
    failed: 5,
    left: 45,
    lastFailure: expect.stringContaining("access_denied"),
  });
  expect(readFileSync(path, "utf8").trim().split("\n")).toHaveLength(1);
});
