import { products } from "../../../demo/products.ts";
import { Factory } from "../../../sdk/factory.ts";

/** Units of one batch, and what their factory may say about them. */
export interface Batch {
  readonly factory: Factory;
  readonly token: string;
  /** IDENTITY.md §2.H, "manufacturer revokes". */
  disable(reason: "compromised" | "recall" | "unpaid"): Promise<void>;
}

/** What a platform's operator does, as HTTP requests. */
export class Operator {
  readonly #didp: string;
  readonly #token: string;

  constructor(didp: string, token: string) {
    this.#didp = didp;
    this.#token = token;
  }

  /** @throws Error with the answer, unless it is a success. */
  async ask(method: string, path: string, body: object = {}): Promise<unknown> {
    const response = await answered(fetch(`${this.#didp}/v1/ops${path}`, request(method, this.#token, body)));
    return response.status === 204 ? undefined : response.json();
  }

  /** The product must be there already (`openFactory`). */
  async openBatch(batch: string): Promise<Batch> {
    const issued = await this.ask("POST", "/initial-access-tokens", {
      manufacturer: products[0]?.manufacturer,
      models: ["room-node"],
      max_count: 100,
      expires_in: 3600,
      batch,
    });
    const { initial_access_token: token } = issued as { initial_access_token: string }; // that endpoint's answer
    return {
      factory: new Factory({ didp: this.#didp, initialAccessToken: token }),
      token,
      disable: async (reason) => {
        await answered(fetch(`${this.#didp}/batches/${batch}/disable`, request("POST", token, { reason })));
      },
    };
  }
}

function request(method: string, token: string, body: object): RequestInit {
  return {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  };
}

/** @throws Error unless it is a success. */
export async function answered(sent: Promise<Response>): Promise<Response> {
  const response = await sent;
  if (!response.ok) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
  return response;
}
