import { behaviour } from "../support/behaviour.ts";
import { str } from "../support/bytes.ts";

behaviour(
  "payloads of any bytes and up to a three-byte remaining length pass unchanged (5.0 §3.3.3)",
  async ({ open, subscribe, topic, none }) => {
    const subscriber = await open();
    await subscribe(subscriber, topic(), 0);
    const publisher = await open();
    for (const length of [0, 1, 127, 128, 20_000]) {
      const payload = Uint8Array.from({ length }, (_, i) => i & 0xff);
      publisher.send(0x30, str(topic()), none, payload);
      await subscriber.receives(0x30, str(topic()), none, payload);
    }
  },
);
