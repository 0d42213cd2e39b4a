import { expect, test } from "vitest";
import { Decoder } from "./decoder.ts";
import { encode, encodeAll } from "./encoder.ts";
import type { Packet, ProtocolLevel } from "./packet.ts";
import { packetFixtures } from "./packet-fixtures.ts";
import { RandomPackets } from "./random-packets.ts";
import type { Sender } from "./reason-code.ts";

const seed = Number(process.env.EDGENYM_SEED ?? Date.now() % 1_000_000_007);
const allowedReasons = new Set([0x81, 0x82, 0x84, 0x94, 0x95]);
const sides = [3, 4, 5].flatMap((level) =>
  (["client", "server"] as const).map((sender) => [level, sender] as const),
);

function decoderFor(level: ProtocolLevel | undefined, sender: Sender, maximumPacketSize = 100_000): Decoder {
  const role = sender === "client" ? "server" : "client";
  return new Decoder({ role, maximumPacketSize, ...(level === undefined ? {} : { protocolLevel: level }) });
}

/** Pushes in random chunks. Throws only if the decoder does. */
function pushInChunks(random: RandomPackets, decoder: Decoder, bytes: Uint8Array): Packet[] {
  const packets: Packet[] = [];
  for (let at = 0; at < bytes.length; ) {
    const next = at + 1 + random.below(random.chance() ? 3 : 300);
    packets.push(...decoder.push(bytes.subarray(at, next)).packets);
    at = next;
  }
  return packets;
}

test.each(sides)(
  `level %d, sent by the %s: mutated packets give packets or a coded failure (seed ${seed})`,
  (level, sender) => {
    const random = new RandomPackets(seed);
    for (let round = 0; round < 4000; round++) {
      const packet = random.packet(levelOf(level), sender);
      const bytes = random.mutated(encode(packet, levelOf(level)));
      const decoder = decoderFor(packet.type === "connect" ? undefined : levelOf(level), sender);
      const whole = decoder.push(bytes);
      const label = `seed ${seed}, round ${round}, ${packet.type}`;
      if (whole.failure) expect(allowedReasons.has(whole.failure.reasonCode), label).toBe(true);
      // However the bytes are cut, the outcome is the same
      const other = decoderFor(packet.type === "connect" ? undefined : levelOf(level), sender);
      expect(pushInChunks(random, other, bytes), label).toEqual(whole.packets);
      expect(other.push(new Uint8Array(0)).failure, label).toEqual(whole.failure);
      // What was accepted is something that we would write, and reads back the same
      for (const accepted of whole.packets) checkRoundTrip(accepted, levelOf(level), sender, label);
    }
  },
);

function checkRoundTrip(accepted: Packet, level: ProtocolLevel, sender: Sender, label: string): void {
  const target = accepted.type === "connect" ? accepted.protocolLevel : level;
  const again = decoderFor(accepted.type === "connect" ? undefined : target, sender).push(
    encode(accepted, target),
  );
  expect(again, label).toEqual({ packets: [accepted] });
}

test(`noise of any kind never throws anything (seed ${seed})`, () => {
  const random = new RandomPackets(seed);
  for (let round = 0; round < 20_000; round++) {
    const [level, sender] = sides[random.below(sides.length)] ?? [5, "client"];
    const decoder = decoderFor(random.chance() ? levelOf(level) : undefined, sender, 1 + random.below(500));
    const bytes = random.bytes(80);
    const { failure } = decoder.push(bytes);
    if (failure) expect(allowedReasons.has(failure.reasonCode), `seed ${seed}, round ${round}`).toBe(true);
    expect(decoder.pendingBytes).toBeLessThanOrEqual(bytes.length);
  }
});

test("every fixture cut short leaves the decoder waiting, with the length kept", () => {
  for (const fixture of packetFixtures) {
    const level = fixture.packet.type === "connect" ? undefined : fixture.level;
    for (let length = 0; length < fixture.bytes.length; length++) {
      const decoder = decoderFor(level, fixture.sender);
      expect(decoder.push(fixture.bytes.subarray(0, length)), fixture.name).toEqual({ packets: [] });
      expect(decoder.pendingBytes).toBe(length);
    }
  }
});

test("every fixture with its remaining length lowered is refused, not read past its end", () => {
  for (const fixture of packetFixtures.filter(
    ({ bytes, packet }) => (bytes[1] ?? 0) < 0x80 && packet.type !== "publish",
  )) {
    const level = fixture.packet.type === "connect" ? undefined : fixture.level;
    for (let length = 0; length < (fixture.bytes[1] ?? 0); length++) {
      const cut = fixture.bytes.slice(0, 2 + length);
      cut[1] = length;
      const { packets } = decoderFor(level, fixture.sender).push(cut);
      // A shorter list, or the short form of an acknowledgement, is a packet too; never the whole one
      expect(packets, `${fixture.name} at ${length}`).not.toContainEqual(
        fixture.isAlternative ? undefined : fixture.packet,
      );
    }
  }
});

test(`a stream of random packets arrives whole and in order in any chunks (seed ${seed})`, () => {
  const random = new RandomPackets(seed);
  for (const [level, sender] of sides) {
    const packets = Array.from({ length: 200 }, () => random.packet(levelOf(level), sender)).filter(
      (packet) => packet.type !== "connect",
    );
    const bytes = encodeAll(packets, levelOf(level));
    const decoder = decoderFor(levelOf(level), sender);
    expect(pushInChunks(random, decoder, bytes)).toEqual(packets);
  }
});

function levelOf(level: number): ProtocolLevel {
  return level === 3 ? 3 : level === 4 ? 4 : 5;
}
