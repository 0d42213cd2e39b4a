import { encode } from "../../engines/mqtt/encoder.ts";
import { binaryFrame, FrameSocket } from "./support/frame-socket.ts";
import { LoadClient } from "./support/load-client.ts";
import { latencies, sleep, tell } from "./support/measure.ts";
import { Objects } from "./support/objects.ts";
import type { Room, World } from "./support/targets.ts";

/**
 * How long from nothing to CONNACK: TCP, the upgrade, introspection of the token, and the session? To a user whose
 * object runs, to one whose object sleeps, to one who connects for the first time ever, and to an object that has
 * never existed (which creates its database, asks the DIdP, and then refuses the stranger).
 */
export async function connect(world: World): Promise<void> {
  const tries = world.isSmoke ? 4 : 100;
  for (const target of world.all) {
    const room = target.room(2);
    const keeper = await LoadClient.connect(room.endpoint, { mqttClientId: "keeper" });
    await oneAfterTheOther("running", target.name, tries, () => timed(room));
    keeper.close();
  }
  const freshRooms = Array.from({ length: tries }, (_, index) => world.forwarder.room(100_000 + index));
  await oneAfterTheOther("never existed", "forwarder", tries, (index) => timed(freshRooms[index] as Room)); // one each

  const edgenym = await world.restart();
  const objects = new Objects(edgenym);
  const room = edgenym.room(2);
  await oneAfterTheOther("evicted", "edgenym", tries, async () => {
    await objects.hibernate(2);
    return timed(room);
  });
  // The last users of the fleet have claimed a device and never connected it; this process has not seen them.
  const fresh = Math.min(tries, edgenym.users.length);
  await oneAfterTheOther("first connection", "edgenym", fresh, (index) =>
    timed(edgenym.room(edgenym.users.length - 1 - index)),
  );
  const password = new TextEncoder().encode(edgenym.users[0]?.accessToken);
  await oneAfterTheOther("never existed", "edgenym", tries, async (index) =>
    timedRefusal(await objects.unknownUser(index), password),
  );
}

async function oneAfterTheOther(
  object: string,
  system: string,
  tries: number,
  measure: (index: number) => Promise<number>,
): Promise<void> {
  const samples: number[] = [];
  for (let index = 0; index < tries; index += 1) {
    samples.push(await measure(index));
    await sleep(2); // the close of the last one is over
  }
  tell({ name: "broker.connect", system, object, ...latencies(samples) });
}

let lastClient = 0;

async function timed(room: Room): Promise<number> {
  lastClient += 1;
  const startedAt = performance.now();
  const client = await LoadClient.connect(room.endpoint, { mqttClientId: `connect-${lastClient}` });
  const tookMs = performance.now() - startedAt;
  client.close();
  return tookMs;
}

/** The same by the sealed route, where the object itself asks whose token it is. */
async function timedRefusal(url: string, password: Uint8Array): Promise<number> {
  const connect = encode(
    {
      type: "connect",
      protocolLevel: 4,
      cleanStart: true,
      keepAliveSeconds: 0,
      mqttClientId: "stranger",
      userName: "Bearer",
      password,
    },
    4,
  );
  const startedAt = performance.now();
  const socket = await FrameSocket.open(url);
  const connack = await new Promise<Buffer>((resolve) => {
    socket.onPayload = (payload) => resolve(Buffer.from(payload));
    socket.write(binaryFrame(connect));
  });
  const tookMs = performance.now() - startedAt;
  socket.close();
  if (connack[3] !== 5) throw new Error("a stranger was let in");
  return tookMs;
}
