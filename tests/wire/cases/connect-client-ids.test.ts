import { behaviour } from "../support/behaviour.ts";

behaviour(
  "client ids of 1 to 23 letters and digits are allowed [MQTT-3.1.3-5] [MQTT-3.1.1:3.1.3-5]",
  async ({ open }) => {
    for (const clientId of [
      "0",
      "Az9",
      "abcdefghijklmnopqrstuvw",
      "ABCDEFGHIJKLMNOPQRSTUVW",
      "xyzXYZ0123456789",
    ]) {
      await (await open({ clientId })).leaves();
    }
  },
);
