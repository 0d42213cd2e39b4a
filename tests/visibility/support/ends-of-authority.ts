import type { Behaviour } from "./closing-times.ts";
import { deleteAccount } from "./device-page.ts";
import type { Link } from "./link.ts";
import type { Consent, Thing, User, World } from "./world.ts";

/** Two users of a platform, with a device of alice's and an app that anybody may let see it. */
export interface Scene {
  readonly world: World;
  readonly alice: User;
  readonly bob: User;
  readonly thing: Thing;
  readonly app: Consent["app"];
}

/** One connection whose authority is about to end. */
export interface Case {
  readonly link: Link;
  /** Where a busy client publishes to; "" for the command topic of the first device that it hears of. */
  readonly busyTopic: string;
  /** Somebody says a word that the client hears while it may. */
  say(word: string): Promise<unknown>;
  /** Ends the authority, and comes back when that is acknowledged. */
  end(): Promise<void>;
  /** Where nothing acknowledges the end: the earliest and the last moment at which it can have come. */
  readonly begunMs?: number;
  readonly endsByMs?: number;
  /** Puts the scene back as it was. */
  restore(): Promise<void>;
}

interface Cause {
  readonly cause: string;
  /** Makes a device, a user or an app for each round. */
  readonly isLong: boolean;
  prepare(scene: Scene, behaviour: Behaviour): Promise<Case>;
}

/** How long an app's token lives in the runs about expiry. */
export const TOKEN_SECONDS = 2;

const nothing = async () => {};

/** Every end that somebody brings about (IDENTITY.md §2.G, §2.H). */
export const causes: readonly Cause[] = [
  ofApp("the app revokes", (scene, consent) => scene.world.revoke(consent, "app")),
  ofApp("the owner revokes", (scene, consent) => scene.world.revoke(consent, "user")),
  ofDevice("the owner releases the device", async ({ world, alice, thing }) => {
    await world.press(thing, "release");
    return () => world.claimAgain(thing, alice);
  }),
  ofDevice("the owner says that it is lost", async ({ world, thing }) => {
    await world.press(thing, "lost");
    return async () => {
      await world.press(thing, "found");
      await world.comeBack(thing);
    };
  }),
  ofDevice("the device is reset", async ({ world, thing }) => {
    await world.reset(thing);
    return async () => {
      const code = await thing.client.switchOn();
      await world.press(thing, "reapprove");
      await world.comeBack(thing, code);
    };
  }),
  ofDevice("somebody else takes the device over", async ({ world, alice, bob, thing }) => {
    await world.take(thing, bob);
    return async () => {
      await world.release(thing);
      await world.claim(thing, alice);
    };
  }),
  {
    cause: "the factory says that keys were stolen",
    isLong: true,
    async prepare({ world, alice }) {
      const batch = await world.openBatch();
      const stolen = await world.make(batch.factory);
      await world.claim(stolen, alice);
      return deviceCase(
        alice,
        stolen,
        () => batch.disable("compromised"),
        () => world.release(stolen),
      );
    },
  },
  {
    cause: "the operator bans the app",
    isLong: true,
    async prepare({ world, alice, thing }, behaviour) {
      const name = world.word();
      const app = await world.app(name);
      const consent = await share(world, app, name, alice, thing, behaviour);
      return appCase(consent, thing, () => world.ban(app));
    },
  },
  {
    cause: "the user deletes the account",
    isLong: true,
    async prepare({ world, app }, behaviour) {
      const user = await world.stranger();
      const thing = await world.make();
      await world.claim(thing, user);
      const consent = await share(world, app, "Timed app", user, thing, behaviour);
      return appCase(consent, thing, async () => {
        await deleteAccount(user.person, world.didp);
      });
    },
  },
];

/** The end that comes by itself. */
export const expiry: Cause = {
  cause: "the token expires",
  isLong: true,
  async prepare({ world, alice, thing, app }, behaviour) {
    const begunMs = performance.now() + TOKEN_SECONDS * 1000;
    const consent = await share(world, app, "Timed app", alice, thing, behaviour);
    // Counted from the earliest moment at which the token can have been made, so that no delay is hidden; what is
    // said after the last one must not be heard.
    const endsByMs = consent.gotTokenMs + TOKEN_SECONDS * 1000;
    const restore = () => world.revoke(consent, "app");
    return { ...appCase(consent, thing, nothing), begunMs, endsByMs, restore };
  },
};

function ofApp(cause: string, end: (scene: Scene, consent: Consent) => Promise<void>): Cause {
  return {
    cause,
    isLong: false,
    async prepare(scene, behaviour) {
      const { world, app, alice, thing } = scene;
      const consent = await share(world, app, "Timed app", alice, thing, behaviour);
      return appCase(consent, thing, () => end(scene, consent));
    },
  };
}

/** @param end brings it about. @returns how the device becomes alice's again. */
function ofDevice(cause: string, end: (scene: Scene) => Promise<() => Promise<unknown>>): Cause {
  return {
    cause,
    isLong: cause !== "the owner releases the device",
    async prepare(scene) {
      let restore: () => Promise<unknown> = nothing;
      return deviceCase(
        scene.alice,
        scene.thing,
        async () => {
          restore = await end(scene);
        },
        () => restore(),
      );
    },
  };
}

/** The client is an app, which hears what the device says. */
function appCase(consent: Consent, thing: Thing, end: () => Promise<void>): Case {
  const device = thing.owned?.link;
  const say = async (word: string) => device?.publish("telemetry/temperature", word);
  return { link: consent.link, busyTopic: "", say, end, restore: nothing };
}

/** The client is the device, which hears what its owner commands. */
function deviceCase(
  owner: User,
  thing: Thing,
  end: () => Promise<void>,
  restore: () => Promise<unknown>,
): Case {
  const { owned } = thing;
  if (owned === undefined) throw new Error("the device has no owner");
  return {
    link: owned.link,
    busyTopic: "event/busy",
    say: (word) => owner.link.publish(`devices/${owned.handle}/command/led`, word),
    end,
    restore: async () => {
      await restore();
    },
  };
}

function share(
  world: World,
  app: Consent["app"],
  appName: string,
  user: User,
  thing: Thing,
  behaviour: Behaviour,
): Promise<Consent> {
  return world.consent(app, appName, user, [thing], behaviour === "publishing" ? [thing] : []);
}
