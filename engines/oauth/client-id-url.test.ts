import { expect, test } from "vitest";
import { isFetchableClientId } from "./client-id-url.ts";

test("a document at a public name is fetched", () => {
  expect(isFetchableClientId("https://app.example.com/oauth/client.json", { allowLoopback: false })).toBe(
    true,
  );
});

test.each([
  "http://app.example.com/client.json",
  "https://127.0.0.1/client.json",
  "https://2130706433/client.json",
  "https://0x7f.1/client.json",
  "https://[::1]/client.json",
  "https://[::ffff:169.254.169.254]/client.json",
  "https://169.254.169.254/latest/meta-data",
  "https://localhost/client.json",
  "https://printer.local/client.json",
  "https://db.internal/client.json",
  "https://router.home.arpa/client.json",
  "https://intranet/client.json",
  "https://app.example.com:8443/client.json",
  "https://user@app.example.com/client.json",
  "https://app.example.com/",
  "https://app.example.com/client.json?x=1",
  "https://app.example.com/client.json#x",
  "https://app.example.com/a/../client.json",
  "https://APP.example.com/client.json",
  "https:/app.example.com/client.json",
  "https://app.example.com\\@evil.example/client.json",
  "file:///etc/passwd",
  "data:application/json,{}",
  "http://127.0.0.1:80/client.json",
  `https://app.example.com/${"a".repeat(600)}`,
  "",
])("%s is not fetched", (text) => {
  expect(isFetchableClientId(text, { allowLoopback: false })).toBe(false);
});

test("one's own machine only with the switch for it", () => {
  expect(isFetchableClientId("http://127.0.0.1:8790/client.json", { allowLoopback: true })).toBe(true);
  expect(isFetchableClientId("http://10.0.0.1:8790/client.json", { allowLoopback: true })).toBe(false);
});
