import type { Adapter, AdapterPayload } from "oidc-provider";

interface Entry {
  payload: AdapterPayload;
  readonly expiresAtMs: number;
}

const entries = new Map<string, Entry>();

/**
 * What the local login remembers of logins in progress, in memory: whoever is in the middle of one when it restarts
 * begins again.
 */
export class LocalLoginStore implements Adapter {
  readonly #kind: string;

  constructor(kind: string) {
    this.#kind = kind;
  }

  async upsert(id: string, payload: AdapterPayload, expiresInSeconds: number): Promise<void> {
    for (const [key, entry] of entries) if (entry.expiresAtMs <= Date.now()) entries.delete(key);
    entries.set(this.#key(id), { payload, expiresAtMs: Date.now() + expiresInSeconds * 1000 });
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const entry = entries.get(this.#key(id));
    return entry === undefined || entry.expiresAtMs <= Date.now() ? undefined : entry.payload;
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.#own().find(({ payload }) => payload.uid === uid)?.payload;
  }

  async findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return this.#own().find(({ payload }) => payload.userCode === userCode)?.payload;
  }

  async consume(id: string): Promise<void> {
    const entry = entries.get(this.#key(id));
    if (entry !== undefined) entry.payload = { ...entry.payload, consumed: Math.floor(Date.now() / 1000) };
  }

  async destroy(id: string): Promise<void> {
    entries.delete(this.#key(id));
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    for (const [key, { payload }] of entries) if (payload.grantId === grantId) entries.delete(key);
  }

  #own(): Entry[] {
    return [...entries].filter(([key]) => key.startsWith(`${this.#kind}:`)).map(([, entry]) => entry);
  }

  #key(id: string): string {
    return `${this.#kind}:${id}`;
  }
}
