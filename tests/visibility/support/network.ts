import { AsyncLocalStorage } from "node:async_hooks";
import http from "node:http";
import type { Party } from "./captures.ts";

/** Each party calls from an address of its own, so that the other side's capture shows who it was. */
export const addressOf = {
  manufacturer: "127.0.0.231",
  owner: "127.0.0.232",
  device: "127.0.0.233",
  tpa: "127.0.0.234",
  tpa2: "127.0.0.235",
  control: "127.0.0.236",
  operator: "127.0.0.237",
  otherGateway: "127.0.0.238",
} as const satisfies Partial<Record<Party, string>>;

/** A party that calls others. */
export type Caller = keyof typeof addressOf;

const caller = new AsyncLocalStorage<Caller>();
let lastCaller: Caller = "operator";

/** Who has this address; connections that carry none of ours are of the party that acted last (`as`). */
export function callerAt(address: string | undefined): Caller {
  const known = (Object.keys(addressOf) as Caller[]).find((party) => addressOf[party] === address); // its own keys
  return known ?? lastCaller;
}

/** Does something as one party: its `fetch` calls come from that party's address. One at a time. */
export function as<T>(party: Caller, act: () => Promise<T>): Promise<T> {
  lastCaller = party;
  return caller.run(party, act);
}

/** `fetch` from the address of a party, or else of the one that `as` says. */
export function fetchFrom(fixed?: Caller): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const body = Buffer.from(await request.arrayBuffer());
    const headers = Object.fromEntries(request.headers);
    const localAddress = addressOf[fixed ?? caller.getStore() ?? "operator"];
    return new Promise((resolve, reject) => {
      const sent = http.request(
        request.url,
        { method: request.method, headers, localAddress, agent: false },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on("data", (chunk: Buffer) => chunks.push(chunk));
          answer.on("error", reject);
          answer.on("end", () => {
            const received = new Headers();
            for (let index = 0; index + 1 < answer.rawHeaders.length; index += 2)
              received.append(answer.rawHeaders[index] ?? "", answer.rawHeaders[index + 1] ?? "");
            const status = answer.statusCode ?? 500;
            const content = [204, 304].includes(status) ? null : Buffer.concat(chunks);
            resolve(new Response(content, { status, headers: received }));
          });
        },
      );
      sent.on("error", reject);
      sent.end(body);
    });
  };
}
