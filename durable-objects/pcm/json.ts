import { base64url, fromBase64url } from "../../engines/oauth/base64url.ts";

/** JSON with `Uint8Array` values, for the columns that hold a whole record. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner instanceof Uint8Array ? { base64url: base64url(inner) } : inner,
  );
}

/** Reads what `toJson` wrote. The caller names the type: only our own rows are read with this. */
export function fromJson<T>(text: string): T {
  return JSON.parse(text, (_key, inner: unknown) => {
    if (typeof inner !== "object" || inner === null || !("base64url" in inner)) return inner;
    return typeof inner.base64url === "string" ? fromBase64url(inner.base64url) : inner;
  });
}
