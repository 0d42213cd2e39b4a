import { expect } from "vitest";
import { Decoder } from "../../../engines/mqtt/decoder.ts";
import { encode } from "../../../engines/mqtt/encoder.ts";
import { RandomPackets } from "../../../engines/mqtt/random-packets.ts";
import { behaviour } from "../support/behaviour.ts";
import { hex, str, utf8 } from "../support/bytes.ts";
import type { Peer } from "../support/peer.ts";

const seed = Number(process.env.EDGENYM_SEED ?? Date.now() % 1_000_000_007);
const rounds = 40;

// As user B, whose topics no other case uses: a random packet may well subscribe to everything.
behaviour(
  `mutated packets are answered or end their own connection, and no other (seed ${seed})`,
  async ({ open, topic, none, level, subscribe }) => {
    const random = new RandomPackets(seed);
    const bystander = await open({ as: "B" });
    await subscribe(bystander, topic(), 0);
    for (let round = 0; round < rounds; round++) {
      const bytes = random.mutated(encode(random.packet(level, "client"), level));
      // What the bytes come to, up to the first that cannot be read
      const expected = new Decoder({ role: "server", maximumPacketSize: 262_144, protocolLevel: level });
      const { failure } = expected.push(bytes);
      const client = await open({ as: "B" });
      client.sendRaw(bytes);
      if (failure !== undefined)
        await endsWithReason(client, level, `seed ${seed}, round ${round}: ${hex(bytes)}`);
      else if (expected.pendingBytes === 0) await answersOrEnds(client);
      client.cut();
      bystander.send(0x30, str(topic()), none, utf8(`${round}`));
      await bystander.receives(0x30, str(topic()), none, utf8(`${round}`));
    }
  },
  { needsTwoUsers: true },
);

/** Packets before the bad one may be answered, or end the connection themselves (DISCONNECT). */
async function endsWithReason(client: Peer, level: number, label: string): Promise<void> {
  for (;;) {
    const packet = await client.receivesPacketOrEnd();
    if (packet === undefined) return;
    if (packet.type !== "disconnect") continue;
    expect(level, label).toBe(5);
    expect(packet.reasonCode, label).toBeGreaterThanOrEqual(0x80);
    await client.ends();
    return;
  }
}

/** Well formed, but maybe not allowed: a DISCONNECT of its own, an alias that was never set. */
async function answersOrEnds(client: Peer): Promise<void> {
  client.send(0xc0); // PINGREQ
  for (;;) {
    const packet = await client.receivesPacketOrEnd();
    if (packet === undefined || packet.type === "pingresp") return;
  }
}
