import { RouteSealer } from "../../../engines/oauth/sealed-route.ts";
import type { EdgenymTarget } from "./targets.ts";

/** How a platform names its users' objects, which only its secrets tell. */
export class Objects {
  readonly #target: EdgenymTarget;
  readonly #sealer: RouteSealer;

  constructor(target: EdgenymTarget) {
    this.#target = target;
    this.#sealer = new RouteSealer(
      new Uint8Array(Buffer.from(target.platform.secrets.routeKey, "base64url")),
    );
  }

  /** Puts a user's object to sleep, as the runtime does after ten idle seconds; its sockets stay open. */
  async hibernate(index: number): Promise<void> {
    const route = new URL(this.#target.users[index]?.gatewayUri ?? "").pathname.split("/").at(-1) ?? "";
    const name = await this.#sealer.unseal(route);
    if (name === undefined) throw new Error("the route belongs to another platform");
    const { miniflare } = this.#target.platform;
    try {
      await miniflare.unsafeEvictDurableObject("edgenym-pcm", "Pcm", { name, webSockets: "hibernate" });
    } catch (error) {
      // It sleeps already.
      if (!(error instanceof Error && error.message.includes("not currently running"))) throw error;
    }
  }

  /** The way to the object of a user whom nobody has ever seen. */
  async unknownUser(seed: number): Promise<string> {
    const name = `bench-nobody-${seed}` as Parameters<RouteSealer["seal"]>[0]; // any text names an object
    const gateway = this.#target.platform.addresses.gateway.replace("http", "ws");
    return `${gateway}/mqtt/${await this.#sealer.seal(name)}`;
  }
}
