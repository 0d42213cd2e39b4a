import { type AccessWish, AppAuthorization } from "./app-authorization.ts";
import { AppConnection, type AppHandlers } from "./app-connection.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { KeyValueStore } from "./key-value-store.ts";
import { IndexedDbProofKeys, type ProofKeyStore } from "./proof-key.ts";

export type { AccessWish } from "./app-authorization.ts";
export {
  type AppConnection,
  type AppHandlers,
  type AppStatus,
  CommandTimedOut,
  NotConnected,
  type ReceivedSample,
} from "./app-connection.ts";
export { ConsentError } from "./consent-error.ts";
export type { AppGrant, GrantedDevice } from "./grant.ts";
export type { Sample, SampleValue } from "./senml.ts";

/** Who the app is; what is left out is the browser's. */
export interface AppOptions {
  /** The gateway's base URL; everything else is discovered from it. */
  readonly gateway: string;
  /** Exactly the page that the browser comes back to. */
  readonly redirectUri: string;
  /** What people read on the consent page. */
  readonly appName: string;
  /** Default `sessionStorage`: tokens end with the tab. */
  readonly tokenStore?: KeyValueStore;
  /** Default `localStorage`: a browser registers the app once. */
  readonly clientStore?: KeyValueStore;
  /** Default the browser's IndexedDB, where there is one. */
  readonly proofKeys?: ProofKeyStore;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
  /** 0 ≤ x < 1, for back-off. */
  readonly random?: () => number;
}

/**
 * A third-party app in a browser.
 *
 * @example
 *   const app = new App({ gateway, redirectUri, appName: "Room monitor" });
 *   await app.complete(new URL(location.href));
 *   if (!app.isGranted) location.assign(await app.begin({ actions: ["read"], purpose: "to draw a chart" }));
 *   app.connect({ onSample: ({ property, value }) => draw(property, value) });
 */
export class App {
  readonly #authorization: AppAuthorization;
  readonly #clock: Clock;
  readonly #random: () => number;
  #connection: AppConnection | undefined;

  constructor(options: AppOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#authorization = new AppAuthorization({
      // A browser's fetch must be called on its window, not on an options object.
      fetch: (...request) => fetch(...request),
      tokenStore: options.tokenStore ?? sessionStorage,
      clientStore: options.clientStore ?? localStorage,
      ...(typeof indexedDB === "undefined" ? {} : { proofKeys: new IndexedDbProofKeys() }),
      ...options,
      clock: this.#clock,
      random: this.#random,
    });
  }

  /** Whether there is a grant as far as this browser knows; the server may have ended it meanwhile. */
  get isGranted(): boolean {
    return this.#authorization.isGranted;
  }

  /**
   * @returns where to send the browser to ask its user.
   * @throws ConsentError when the server refuses the request.
   */
  async begin(wish: AccessWish): Promise<URL> {
    return await this.#authorization.begin(wish);
  }

  /**
   * Call it when the page loads: takes the answer out of the address, if there is one.
   * @throws ConsentError when the answer is no (`access_denied`) or is not an answer to our question.
   */
  async complete(location: URL): Promise<boolean> {
    return await this.#authorization.complete(location);
  }

  /** Connects and stays connected until the grant ends, `disconnect` or the connection's `close`. */
  connect(handlers: AppHandlers): AppConnection {
    this.#connection = new AppConnection({
      authorization: this.#authorization,
      handlers,
      clock: this.#clock,
      random: this.#random,
    });
    return this.#connection;
  }

  /** Ends the grant itself: afterwards the app sees nothing, and has to ask again. */
  async disconnect(): Promise<void> {
    // First, so that no refresh is under way whose answer would bring the tokens back.
    await this.#connection?.close();
    await this.#authorization.revoke();
  }
}
