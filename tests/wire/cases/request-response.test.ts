import { behaviour } from "../support/behaviour.ts";
import { list, str, utf8 } from "../support/bytes.ts";

behaviour(
  "a responder answers to the response topic with the correlation data (5.0 §4.10)",
  async ({ open, topic, subscribe }) => {
    const [requester, responder] = [await open(), await open()];
    await subscribe(requester, topic("reply"), 0);
    await subscribe(responder, topic("request"), 0);
    const correlation = [0x09, 0, 2, 0xca, 0xfe];
    requester.send(0x30, str(topic("request")), list(0x08, str(topic("reply")), correlation), utf8("?"));
    await responder.receives(
      0x30,
      str(topic("request")),
      list(0x08, str(topic("reply")), correlation),
      utf8("?"),
    );
    responder.send(0x30, str(topic("reply")), list(correlation), utf8("!"));
    await requester.receives(0x30, str(topic("reply")), list(correlation), utf8("!"));
  },
  { levels: [5] },
);
