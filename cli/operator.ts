import type { Product } from "../demo/products.ts";
import { CliError, exitCodes } from "./cli-error.ts";

/** Which DIdP, and by what right. */
export interface OperatorOptions {
  readonly didp: string;
  readonly operatorToken: string;
  readonly fetch?: typeof fetch;
}

/** The operator's two calls that a factory needs before it can register anything. */
export class Operator {
  readonly #didp: string;
  readonly #token: string;
  readonly #fetch: typeof fetch;

  constructor({ didp, operatorToken, fetch: ownFetch = fetch }: OperatorOptions) {
    this.#didp = didp;
    this.#token = operatorToken;
    this.#fetch = ownFetch;
  }

  /** Makes the product known, or brings it up to date. */
  async putProduct({ id, manufacturer, model }: Product): Promise<void> {
    await this.#call("PUT", `/v1/ops/products/${encodeURIComponent(id)}`, {
      title: model.title,
      manufacturer,
      model,
    });
  }

  /** @returns an initial access token for `count` units of these products, good for an hour. */
  async initialAccessToken(products: readonly Product[], count: number): Promise<string> {
    const manufacturer = products[0]?.manufacturer;
    if (manufacturer === undefined) throw new RangeError("at least one product");
    const answer = await this.#call("POST", "/v1/ops/initial-access-tokens", {
      manufacturer,
      models: products.map(({ id }) => id),
      max_count: count,
      expires_in: 3600,
    });
    const token: unknown = Reflect.get(answer, "initial_access_token");
    if (typeof token !== "string")
      throw new CliError(exitCodes.failed, "the DIdP gave no initial access token");
    return token;
  }

  async #call(method: "PUT" | "POST", path: string, body: unknown): Promise<object> {
    let response: Response;
    try {
      response = await this.#fetch(new URL(path, this.#didp), {
        method,
        headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    } catch (cause) {
      throw new CliError(
        exitCodes.failed,
        `the DIdP at ${this.#didp} does not answer`,
        "Is it running? Start it: npm start",
        { cause },
      );
    }
    if (response.status === 401 || response.status === 403) {
      throw new CliError(
        exitCodes.auth,
        "the DIdP does not accept this operator token",
        "Was the platform reset? Start it: npm start",
      );
    }
    const json: unknown = await response.json().catch(() => undefined);
    if (!response.ok)
      throw new CliError(exitCodes.failed, `the DIdP refused ${method} ${path}: HTTP ${response.status}`);
    return typeof json === "object" && json !== null ? json : {};
  }
}
