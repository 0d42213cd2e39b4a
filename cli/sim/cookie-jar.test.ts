import { expect, test } from "vitest";
import { CookieJar } from "./cookie-jar.ts";

const at = (url: string) => new URL(url);
const setting = (...lines: string[]) =>
  new Headers(lines.map((line): [string, string] => ["set-cookie", line]));

test("cookies go back to their host on any port, and to no other host", () => {
  const jar = new CookieJar();
  jar.store(at("http://127.0.0.1:8788/claim"), setting("session=a; Path=/; HttpOnly; SameSite=Lax"));
  expect(jar.header(at("http://127.0.0.1:8787/consent/x"))).toBe("session=a");
  expect(jar.header(at("http://localhost:8788/"))).toBeUndefined();
});

test("a path narrows, longer paths come first, and a default path is the page's folder", () => {
  const jar = new CookieJar();
  jar.store(at("http://h/login/demo"), setting("a=1; Path=/", "b=2; Path=/login", "c=3"));
  expect(jar.header(at("http://h/login/x"))).toBe("b=2; c=3; a=1");
  expect(jar.header(at("http://h/loginx"))).toBe("a=1");
});

test("a later value replaces an earlier one; Max-Age=0 and a past date remove it; Max-Age wins over Expires", () => {
  let nowMs = 0;
  const jar = new CookieJar(() => nowMs);
  const url = at("http://h/");
  jar.store(url, setting("a=1", "b=1", "c=1; Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT"));
  jar.store(url, setting("a=2"));
  expect(jar.header(url)).toBe("b=1; c=1; a=2");
  jar.store(url, setting("a=; Max-Age=0", "b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"));
  expect(jar.header(url)).toBe("c=1");
  nowMs = 10_000;
  expect(jar.header(url)).toBeUndefined();
});
