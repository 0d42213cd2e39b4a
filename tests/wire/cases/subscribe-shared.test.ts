import { expect } from "vitest";
import { behaviour } from "../support/behaviour.ts";

behaviour(
  "each message goes to one member of a shared subscription, and to the others' own (5.0 §4.8.2)",
  async ({ open, topic, subscribe, publish }) => {
    const members = [await open(), await open()];
    for (const member of members) await subscribe(member, `$share/g/${topic("+")}`, 0);
    const [otherGroup, alone] = [await open(), await open()];
    await subscribe(otherGroup, `$share/h/${topic("+")}`, 0);
    await subscribe(alone, topic("+"), 0);
    const publisher = await open();
    const sent = Array.from({ length: 10 }, (_, i) => topic(`${i}`));
    for (const name of sent) await publish(publisher, name, "hi");
    const received = async (peers: typeof members): Promise<string[]> => {
      const topics: string[] = [];
      for (const peer of peers) {
        for (const packet of await peer.receivesUntilPing())
          topics.push(packet.type === "publish" ? packet.topicName : packet.type);
      }
      return topics.sort();
    };
    expect(await received(members)).toEqual(sent);
    expect(await received([otherGroup])).toEqual(sent);
    expect(await received([alone])).toEqual(sent);
  },
  { levels: [5] },
);
