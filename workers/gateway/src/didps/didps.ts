import type { Authority } from "../../../../engines/oauth/authority.ts";
import { type IssuerTag, issuerTag, tagOf } from "../../../../engines/oauth/issuer-tag.ts";
import type { ForeignDidp } from "./foreign-didp.ts";
import type { TrustedDidp } from "./trusted-didp.ts";

/** The DIdPs that this gateway trusts: its own operator's, and those of others. Each by what it has issued. */
export class Didps {
  readonly #all: readonly TrustedDidp[];
  readonly #foreign: readonly ForeignDidp[];
  #byTag: Promise<ReadonlyMap<IssuerTag, TrustedDidp>> | undefined;

  constructor(home: TrustedDidp, foreign: readonly ForeignDidp[]) {
    this.#all = [home, ...foreign];
    this.#foreign = foreign;
  }

  /** The home DIdP's first. */
  get issuers(): readonly string[] {
    return this.#all.map(({ issuer }) => issuer);
  }

  /**
   * Whose a token or a ticket is; nobody is asked.
   * @returns `undefined` for what no trusted issuer can have made
   * @throws Error naming the setting if two issuers cannot be told apart
   */
  async issuerOf(text: string): Promise<TrustedDidp | undefined> {
    this.#byTag ??= byTag(this.#all);
    const tag = tagOf(text);
    return tag === undefined ? undefined : (await this.#byTag).get(tag);
  }

  /** What a user's token gives. @returns `undefined` for every token that gives nothing, whatever the reason. */
  async authorityOf(token: string): Promise<Authority | undefined> {
    const introspection = await (await this.issuerOf(token))?.introspect(token);
    return introspection?.active ? introspection.authority : undefined;
  }

  /** Another operator's DIdP by its name. */
  foreign(issuer: string): ForeignDidp | undefined {
    return this.#foreign.find((didp) => didp.issuer === issuer);
  }
}

async function byTag(didps: readonly TrustedDidp[]): Promise<ReadonlyMap<IssuerTag, TrustedDidp>> {
  const found = new Map<IssuerTag, TrustedDidp>();
  for (const didp of didps) {
    const tag = await issuerTag(didp.issuer);
    if (found.has(tag))
      throw new Error("TRUSTED_ISSUERS: the tokens of two issuers look alike; trust one of them");
    found.set(tag, didp);
  }
  return found;
}
