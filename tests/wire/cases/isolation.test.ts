import { behaviour } from "../support/behaviour.ts";
import { str, utf8 } from "../support/bytes.ts";

behaviour(
  "two users with the same topics and client ids never see each other's messages",
  async ({ open, topic, subscribe, none, clientId, retain }) => {
    const [a, b] = [await open({ clientId }), await open({ clientId, as: "B" })];
    for (const client of [a, b]) await subscribe(client, topic("#"), 0);
    await retain(await open(), topic("x"), "of A");
    await a.receives(0x30, str(topic("x")), none, utf8("of A"));
    await b.receivesNothing();
    const lateB = await open({ as: "B" });
    await subscribe(lateB, topic("#"), 0);
    await lateB.receivesNothing(); // nor what A retains
    b.send(0x30, str(topic("x")), none, utf8("of B"));
    await b.receives(0x30, str(topic("x")), none, utf8("of B"));
    await a.receivesNothing();
  },
  { needsTwoUsers: true },
);
