import { behaviour } from "../support/behaviour.ts";

behaviour(
  "a shared subscription gets no retained messages when it begins (5.0 §4.8.2)",
  async ({ open, topic, retain, subscribe }) => {
    const client = await open();
    await retain(client, topic(), "hi");
    await subscribe(client, `$share/g/${topic()}`, 0);
    await client.receivesNothing();
  },
  { levels: [5] },
);
