import { expect, test } from "vitest";
import { DeviceAuthority } from "./device-authority.ts";
import { type DeviceIdentity, MemoryIdentityStore } from "./device-identity.ts";
import { anIdentity } from "./testing/identity.ts";
import { EagerClock } from "./testing/manual-clock.ts";

type Answer =
  | { readonly status: number; readonly body: unknown; readonly headers?: Record<string, string> }
  | "lost";

const deviceCode = (code: string, expires_in = 1800): Answer => ({
  status: 200,
  body: { device_code: code, expires_in, interval: 5, verification_uri: "http://didp.test/d" },
});
const error = (code: string, status = 400): Answer => ({ status, body: { error: code } });
const tokens = (access: string, refresh?: string): Answer => ({
  status: 200,
  body: {
    access_token: access,
    token_type: "Bearer",
    expires_in: 3600,
    gateway_uri: "ws://gateway.test/mqtt/route",
    ...(refresh === undefined ? {} : { refresh_token: refresh }),
  },
});

/** A DIdP that gives the scripted answers in turn, and a device in front of it. */
function given(answers: readonly Answer[], identity: Partial<DeviceIdentity> = {}) {
  const requests: {
    readonly path: string;
    readonly form: Record<string, string>;
    readonly authorization: string;
  }[] = [];
  const clock = new EagerClock();
  const store = new MemoryIdentityStore(anIdentity(identity));
  const states: string[] = [];
  const script = [...answers];
  const device = new DeviceAuthority({
    store,
    clock,
    random: () => 0.5,
    onState: (state) => states.push(state),
    fetch: async (input, init) => {
      const answer = script.shift();
      if (answer === undefined) throw new Error("the script is over");
      const request = new Request(input, init);
      requests.push({
        path: new URL(request.url).pathname,
        form: Object.fromEntries(new URLSearchParams(await request.text())),
        authorization: request.headers.get("authorization") ?? "",
      });
      if (answer === "lost") throw new TypeError("connection reset");
      return new Response(JSON.stringify(answer.body), {
        status: answer.status,
        headers: answer.headers ?? {},
      });
    },
  });
  return { device, store, requests, clock, states, left: script };
}

const forever = new AbortController().signal;

test("an unowned device asks for a device code, polls at the given interval, and stores the refresh token", async () => {
  const { device, store, requests, clock } = given([
    deviceCode("dc1"),
    error("authorization_pending"),
    error("authorization_pending"),
    tokens("a1", "r1"),
  ]);
  expect(await device.awaitClaim(forever)).toMatchObject({
    token: "a1",
    gatewayUri: "ws://gateway.test/mqtt/route",
  });
  expect(requests.map(({ path }) => path)).toEqual(["/device_authorization", "/token", "/token", "/token"]);
  expect(requests[1]?.form).toEqual({
    grant_type: "urn:ietf:params:oauth:grant-type:device_code",
    device_code: "dc1",
  });
  expect(requests[1]?.authorization).toBe(`Basic ${btoa("client-1:secret+1")}`);
  expect(clock.slept).toEqual([5000, 5000, 5000]);
  const saved = await store.load();
  expect(saved.refreshToken).toBe("r1");
  expect(saved.deviceCode).toBeUndefined();
});

test("slow_down adds five seconds to this and every later poll, and a restart remembers it", async () => {
  const { device, clock, store } = given([
    deviceCode("dc1"),
    error("slow_down"),
    error("authorization_pending"),
    error("slow_down"),
    tokens("a1", "r1"),
  ]);
  let interval: number | undefined;
  const save = store.save.bind(store);
  store.save = async (identity) => {
    interval = identity.deviceCode?.intervalSeconds ?? interval;
    await save(identity);
  };
  await device.awaitClaim(forever);
  expect(clock.slept).toEqual([5000, 10_000, 10_000, 15_000]);
  expect(interval).toBe(15);
});

test.each(["expired_token", "access_denied", "invalid_grant"])(
  "%s brings a new device code",
  async (code) => {
    const { device, requests } = given([
      deviceCode("dc1"),
      error(code),
      deviceCode("dc2"),
      tokens("a1", "r1"),
    ]);
    await device.awaitClaim(forever);
    expect(requests.map(({ form }) => form.device_code)).toEqual([undefined, "dc1", undefined, "dc2"]);
  },
);

test("a device code is renewed at its end without asking", async () => {
  const { device, requests } = given([
    deviceCode("dc1", 12),
    error("authorization_pending"),
    error("authorization_pending"),
    error("authorization_pending"),
    deviceCode("dc2"),
    tokens("a1", "r1"),
  ]);
  await device.awaitClaim(forever);
  expect(requests.at(-1)?.form.device_code).toBe("dc2");
  expect(requests.filter(({ form }) => form.device_code === "dc1")).toHaveLength(3);
});

test("the answer to the claim is lost: the same device code is presented again", async () => {
  const { device, requests, clock } = given([deviceCode("dc1"), "lost", tokens("a1", "r1")]);
  expect(await device.awaitClaim(forever)).toMatchObject({ token: "a1" });
  expect(requests.map(({ form }) => form.device_code)).toEqual([undefined, "dc1", "dc1"]);
  expect(clock.slept).toEqual([5000, 1000, 5000]);
});

test("a crash between the claim and the store: after the restart the stored device code is presented again", async () => {
  const crashed = given([deviceCode("dc1"), tokens("a1", "r1")]);
  let saved = await crashed.store.load();
  crashed.store.save = async (identity) => {
    if (identity.refreshToken !== undefined) throw new Error("power cut");
    saved = identity;
  };
  await expect(
    crashed.device.awaitClaim(AbortSignal.any([forever, abortAfter(crashed.left)])),
  ).resolves.toBeUndefined();
  expect(saved.deviceCode?.code).toBe("dc1");

  const restarted = given([tokens("a1", "r1")], saved);
  expect(await restarted.device.awaitClaim(forever)).toMatchObject({ token: "a1" });
  expect(restarted.requests[0]?.form.device_code).toBe("dc1");
});

test("a new refresh token is on disk before the access token that came with it is handed out", async () => {
  const { device, store } = given([tokens("a2", "r2")], { refreshToken: "r1" });
  const order: string[] = [];
  const save = store.save.bind(store);
  store.save = async (identity) => {
    await new Promise((resolve) => setImmediate(resolve));
    order.push(`stored ${identity.refreshToken}`);
    await save(identity);
  };
  const access = await device.access(forever);
  order.push(`used ${access?.token}`);
  expect(order).toEqual(["stored r2", "used a2"]);
});

test("when the new refresh token cannot be stored, the old one is presented again and nothing new is used", async () => {
  const { device, store, requests } = given([tokens("a2", "r2"), tokens("a3", "r2")], { refreshToken: "r1" });
  const save = store.save.bind(store);
  let isFull = true;
  store.save = async (identity) => {
    if (isFull) {
      isFull = false;
      throw new Error("ENOSPC");
    }
    await save(identity);
  };
  expect((await device.access(forever))?.token).toBe("a3");
  expect(requests.map(({ form }) => form.refresh_token)).toEqual(["r1", "r1"]);
  expect((await store.load()).refreshToken).toBe("r2");
});

test("an answer without a refresh token keeps the old one", async () => {
  const { device, store } = given([tokens("a2")], { refreshToken: "r1" });
  expect((await device.access(forever))?.token).toBe("a2");
  expect((await store.load()).refreshToken).toBe("r1");
});

test("lost answers, 5xx and 429 wait longer each time and present the same refresh token", async () => {
  const { device, requests, clock, states } = given(
    [
      "lost",
      error("temporarily_unavailable", 503),
      { status: 502, body: "<html>" },
      error("slow", 429),
      tokens("a2", "r2"),
    ],
    { refreshToken: "r1" },
  );
  expect((await device.access(forever))?.token).toBe("a2");
  expect(requests.map(({ form }) => form.refresh_token)).toEqual(["r1", "r1", "r1", "r1", "r1"]);
  expect(clock.slept).toEqual([1000, 2000, 4000, 8000]);
  expect(states).toContain("backoff");
});

test("Retry-After is obeyed", async () => {
  const busy: Answer = { status: 503, body: {}, headers: { "retry-after": "90" } };
  const { device, clock } = given([busy, tokens("a2", "r2")], { refreshToken: "r1" });
  await device.access(forever);
  expect(clock.slept).toEqual([90_000]);
});

test("invalid_grant: the device forgets its refresh token and waits for a new owner", async () => {
  const { device, store, requests } = given([error("invalid_grant"), deviceCode("dc9"), tokens("a9", "r9")], {
    refreshToken: "r1",
  });
  expect(await device.access(forever)).toBeUndefined();
  expect((await store.load()).refreshToken).toBeUndefined();
  expect((await device.awaitClaim(forever))?.token).toBe("a9");
  expect(requests.map(({ path }) => path)).toEqual(["/token", "/device_authorization", "/token"]);
});

test("invalid_client: the device keeps its refresh token, stops, and asks once a day", async () => {
  const { device, store, clock, states } = given([error("invalid_client", 401), tokens("a2", "r2")], {
    refreshToken: "r1",
  });
  const keeps: (string | undefined)[] = [];
  const sleep = clock.sleep.bind(clock);
  clock.sleep = async (ms, signal) => {
    keeps.push((await store.load()).refreshToken);
    await sleep(ms, signal);
  };
  expect((await device.access(forever))?.token).toBe("a2");
  expect(clock.slept).toEqual([86_400_000]);
  expect(new Set(keeps)).toEqual(new Set(["r1"]));
  expect(states).toContain("refused");
});

test("a token is kept until shortly before its end, and asked for anew when the gateway refuses it", async () => {
  const { device, requests, clock } = given([tokens("a2", "r2"), tokens("a3", "r3"), tokens("a4", "r4")], {
    refreshToken: "r1",
  });
  expect((await device.access(forever))?.token).toBe("a2");
  expect((await device.access(forever))?.token).toBe("a2");
  expect((await device.access(forever, { refused: true }))?.token).toBe("a3");
  await clock.sleep(3_600_000 - 80_000);
  expect((await device.access(forever))?.token).toBe("a4");
  expect(requests).toHaveLength(3);
});

test("while the DIdP is away, a token with life left goes on being used", async () => {
  const { device, clock } = given([tokens("a2", "r2"), "lost"], { refreshToken: "r1" });
  await device.access(forever);
  await clock.sleep(3_600_000 - 80_000);
  const access = await device.access(forever);
  expect(access?.token).toBe("a2");
  expect(access?.renewAtMs).toBeGreaterThan(clock.now());
});

test("an answer that comes after the time-out is not acted upon", async () => {
  const store = new MemoryIdentityStore(anIdentity({ refreshToken: "r1" }));
  const clock = new EagerClock();
  const late = Promise.withResolvers<Response>();
  let calls = 0;
  const device = new DeviceAuthority({
    store,
    clock,
    random: () => 0.5,
    fetch: async () => {
      calls += 1;
      if (calls === 1) return await late.promise;
      return Response.json((tokens("a3", "r3") as Exclude<Answer, "lost">).body); // never "lost"
    },
  });
  expect((await device.access(forever))?.token).toBe("a3");
  late.resolve(Response.json((tokens("a2", "r2") as Exclude<Answer, "lost">).body)); // never "lost"
  await new Promise((resolve) => setImmediate(resolve));
  expect((await store.load()).refreshToken).toBe("r3");
});

/** Aborts once the script has been read to its end. */
function abortAfter(script: readonly Answer[]): AbortSignal {
  const controller = new AbortController();
  const look = () => (script.length === 0 ? controller.abort() : setImmediate(look));
  look();
  return controller.signal;
}
