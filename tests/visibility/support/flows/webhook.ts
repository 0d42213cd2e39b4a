import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import type { Captures } from "../captures.ts";
import { as } from "../network.ts";

/** A server outside to which a rule of the owner's posts: the one way out that a rule can open. */
export class WebhookServer {
  readonly #server: http.Server;
  readonly #posted: Promise<void>;

  private constructor(server: http.Server, posted: Promise<void>) {
    this.#server = server;
    this.#posted = posted;
  }

  /** Listens on a free port; what comes is seen by it, and by the stream app that sends it. */
  static async listen(captures: Captures): Promise<WebhookServer> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const server = http.createServer((request, response) => {
      const told = [captures.open("webhook", "seen"), captures.open("streams", "seen")];
      for (const tell of told) {
        tell(`${request.method} ${request.url} from ${request.socket.remoteAddress}\n`);
        tell(`${request.rawHeaders.join("\n")}\n\n`);
      }
      request.on("data", (chunk: Buffer) => {
        for (const tell of told) tell(chunk);
      });
      request.on("end", () => {
        response.writeHead(204).end();
        resolve();
      });
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    return new WebhookServer(server, promise);
  }

  /**
   * Deploys a rule that posts readings of the first device, and nothing else of it.
   * @returns what signs the postings
   */
  async deployRule(gateway: string, ownerToken: string): Promise<string> {
    const { port } = this.#server.address() as AddressInfo; // it listens on a port
    const rule = `@source(type='things', property='temperature')
      define stream T (value double);
      @sink(type='webhook', url='http://127.0.0.1:${port}/hook', event='warm')
      define stream Warm (value double);
      from T[value < 22] select value insert into Warm;`;
    const deployed = await as("owner", () =>
      fetch(`${gateway}/v1/me/rules/posts`, {
        method: "PUT",
        headers: { authorization: `Bearer ${ownerToken}`, "content-type": "text/plain" },
        body: rule,
      }),
    );
    const answer = (await deployed.json()) as { webhook_secret?: string };
    if (answer.webhook_secret === undefined) throw new Error(`the rule was refused: ${deployed.status}`);
    return answer.webhook_secret;
  }

  /** When something has been posted. */
  posted(): Promise<void> {
    return this.#posted;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
