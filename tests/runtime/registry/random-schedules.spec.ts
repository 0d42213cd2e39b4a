import { expect, test } from "vitest";
import { seeded } from "../../../engines/testing/random.ts";
import {
  claimDevice,
  GATEWAY,
  hashOfOffer,
  model,
  newAnon,
  type RegisteredDevice,
  registerDevice,
  userAtGateway,
} from "./registered-device.ts";

/**
 * After the paper's formal model: whatever two users and three devices do in whatever order, a token works only
 * for the device's owner of that moment, under the handle of that ownership, and only while nothing stands
 * against it. The model beside the registry is a few fields; every token ever issued is tried after every step.
 */
const SEEDS = [1, 2, 3, 4];
const STEPS = 120;

interface Issued {
  readonly of: ModelDevice;
  readonly access: string;
  readonly refresh: string;
  readonly gid: string;
  /** Which of the grant's lives it belongs to: a new one begins when the owner lets the device in again. */
  readonly life: number;
}

interface ModelDevice {
  readonly device: RegisteredDevice;
  owner: string | undefined;
  gid: string;
  handle: string;
  life: number;
  isStopped: boolean;
  isLost: boolean;
  /** The newest tokens, which must work while nothing stands against them. */
  newest: Issued | undefined;
}

test.each(SEEDS)(
  `${STEPS} random steps of two users and three devices, seed %i: nothing crosses`,
  async (seed) => {
    const chance = seeded(seed);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(chance() * list.length)] as T; // never empty here
    const users = [newAnon(), newAnon()];
    const names = new Map(
      await Promise.all(users.map(async (anon) => [anon, await userAtGateway(anon)] as const)),
    );
    const devices: ModelDevice[] = await Promise.all(
      [1, 2, 3].map(async () => ({
        device: await registerDevice(),
        owner: undefined,
        gid: "",
        handle: "",
        life: 0,
        isStopped: false,
        isLost: false,
        newest: undefined,
      })),
    );
    const issued: Issued[] = [];
    let crossings = 0;

    const becomes = (one: ModelDevice, owner: string | undefined, gid = "", handle = "") => {
      Object.assign(one, {
        owner,
        gid,
        handle,
        life: one.life + 1,
        isStopped: false,
        isLost: false,
        newest: undefined,
      });
    };
    const fetchTokens = async (one: ModelDevice, refreshToken?: string) => {
      const { credential, credentials, home } = one.device;
      const id = credentials.oauthClientId;
      const code = refreshToken === undefined ? await home.deviceCode(id, credential) : undefined;
      const result =
        refreshToken === undefined
          ? await home.pollDeviceCode(id, credential, code?.deviceCode ?? "", 0)
          : await home.refreshDevice(id, credential, refreshToken);
      if (!("tokens" in result)) return;
      one.newest = {
        of: one,
        access: result.tokens.accessToken,
        refresh: result.tokens.refreshToken,
        gid: one.gid,
        life: one.life,
      };
      issued.push(one.newest);
    };

    const steps: readonly ((one: ModelDevice, user: string) => Promise<void>)[] = [
      async (one, user) => {
        const { claimHash, oauthClientId } = one.device.credentials;
        await one.device.home.deviceCode(oauthClientId, one.device.credential);
        const result = await one.device.home.claim(claimHash, user, GATEWAY, model, "x");
        if (one.owner === undefined) {
          if (result.kind !== "claimed") throw new Error(result.kind);
          becomes(one, user, result.gid, result.handle);
        } else {
          expect(result.kind).not.toBe(one.owner === user ? "already_claimed" : "claimed");
        }
      },
      async (one) => fetchTokens(one),
      async (one) => fetchTokens(one, one.newest?.refresh),
      async (one, user) => {
        const isDone = one.gid !== "" && (await one.device.home.endGrant(one.gid, user, "released"));
        expect(isDone).toBe(one.owner === user);
        if (isDone) becomes(one, undefined);
      },
      async (one) => {
        if (one.newest === undefined || one.newest.life !== one.life) return;
        await one.device.home.revokeByToken(one.newest.refresh, one.device.credentials.oauthClientId);
        one.isStopped = true;
      },
      async (one, user) => {
        const isDone = one.gid !== "" && (await one.device.home.reapprove(one.gid, user));
        expect(isDone).toBe(one.owner === user);
        if (!isDone) return;
        const { isLost } = one;
        becomes(one, user, one.gid, one.handle);
        one.isLost = isLost;
      },
      async (one, user) => {
        const wanted = chance() < 0.5;
        const isDone = one.gid !== "" && (await one.device.home.setLost(one.gid, user, wanted));
        expect(isDone).toBe(one.owner === user);
        if (isDone) one.isLost = wanted;
      },
      async (one, user) => {
        const [giver, receiver] = [one.owner, user];
        const token = giver === undefined ? undefined : await one.device.home.offerDevice(one.gid, giver);
        if (token === undefined) return;
        const result = await one.device.home.acceptOffer(
          await hashOfOffer(token),
          receiver,
          GATEWAY,
          model,
          "x",
        );
        expect(result.kind).toBe(giver === receiver ? "already_claimed" : "claimed");
        if (result.kind !== "claimed") return;
        crossings++;
        becomes(one, receiver, result.gid, result.handle);
      },
    ];

    const check = async (one: ModelDevice) => {
      for (const token of issued.filter((candidate) => candidate.of === one)) {
        const answer = await one.device.home.introspect(GATEWAY, token.access);
        if (!answer.active) continue;
        expect(token.gid).toBe(one.gid);
        expect(token.life).toBe(one.life);
        expect(one.isStopped).toBe(false);
        expect(answer.authority).toMatchObject({ user: names.get(one.owner ?? ""), handle: one.handle });
        const mayPublish = answer.authority.permissions.some(([filter]) => !/^(manage|\$state)/.test(filter));
        expect(mayPublish).toBe(!one.isLost);
      }
      const { newest } = one;
      if (newest !== undefined && newest.life === one.life && !one.isStopped) {
        expect(await one.device.home.introspect(GATEWAY, newest.access)).toMatchObject({ active: true });
      }
    };

    for (let step = 0; step < STEPS; step++) {
      const one = pick(devices);
      await pick(steps)(one, pick(users));
      await check(one);
    }
    expect(issued.length).toBeGreaterThan(5);
    expect(crossings).toBeGreaterThan(0);
  },
);

test("a device of one user and an app of another have no user in common", async () => {
  const [mine, theirs] = [newAnon(), newAnon()];
  const device = await registerDevice();
  const { poll } = await claimDevice(device, mine);
  const result = await poll();
  if (!("tokens" in result)) throw new Error("no tokens");
  expect(result.tokens.user).toBe(await userAtGateway(mine));
  expect(result.tokens.user).not.toBe(await userAtGateway(theirs));
});
