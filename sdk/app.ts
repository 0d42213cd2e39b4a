import { type AccessWish, AppAuthorization } from "./app-authorization.ts";
import { AppConnection, type AppHandlers } from "./app-connection.ts";
import { BrowserDatabase } from "./browser-database.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { KeyValueStore } from "./key-value-store.ts";
import { IndexedDbProofKeys, type ProofKeyStore } from "./proof-key.ts";
import { exclusivelyBy, type TabLocks, tabName } from "./tabs.ts";

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
  /**
   * Default `localStorage`, so that all tabs have the same tokens: each refresh token is good for once only. Where
   * the browser has nothing that tabs can agree by (IndexedDB, Web Locks), `sessionStorage`: a grant for each tab.
   */
  readonly tokenStore?: KeyValueStore;
  /** Default `sessionStorage`: what one tab knows beyond a reload. */
  readonly tabStore?: KeyValueStore;
  /** Default the browser's (Web Locks). */
  readonly locks?: TabLocks;
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
  readonly #tabStore: KeyValueStore | undefined;
  readonly #locks: TabLocks | undefined;
  #tabName: Promise<string> | undefined;
  #connection: AppConnection | undefined;

  constructor(options: AppOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#tabStore = options.tabStore ?? globalThis.sessionStorage;
    this.#locks = options.locks ?? globalThis.navigator?.locks;
    const canShare = typeof indexedDB !== "undefined" && this.#locks !== undefined;
    this.#authorization = new AppAuthorization({
      // A browser's fetch must be called on its window, not on an options object.
      fetch: (...request) => fetch(...request),
      tokenStore: options.tokenStore ?? (canShare ? localStorage : sessionStorage),
      ...(canShare ? { sharedStore: new BrowserDatabase() } : {}),
      clientStore: options.clientStore ?? localStorage,
      ...(typeof indexedDB === "undefined" ? {} : { proofKeys: new IndexedDbProofKeys() }),
      ...options,
      ...(this.#tabStore === undefined ? {} : { tabStore: this.#tabStore }),
      exclusively: exclusivelyBy(this.#locks),
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

  /**
   * Connects and stays connected until the grant ends, `disconnect` or the connection's `close`; one connection at a
   * time. What devices send at QoS 1 while the page reloads arrives afterwards.
   */
  connect(handlers: AppHandlers): AppConnection {
    if (this.#tabStore !== undefined && this.#locks !== undefined)
      this.#tabName ??= tabName(this.#tabStore, this.#locks);
    this.#connection = new AppConnection({
      authorization: this.#authorization,
      ...(this.#tabName === undefined ? {} : { session: this.#tabName }),
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
