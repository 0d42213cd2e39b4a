// Adds to package-lock.json the platform packages that an optional dependency names and the registry did not have when
// the lock file was written: `npm ci` insists on every one of them, also on those that it would not install here.
// Run after `npm install`; see docs/decisions/004-lock-file-names-every-platform.md.
import { readFileSync, writeFileSync } from "node:fs";

const file = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(file, "utf8"));

for (const [where, { optionalDependencies = {}, engines }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const isListed = [`${where}/node_modules/${name}`, `node_modules/${name}`].some(
      (path) => path in lock.packages,
    );
    if (isListed) continue;
    lock.packages[`node_modules/${name}`] = { version, ...platformOf(name), optional: true, engines };
    console.log(`added ${name}@${version}`);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);

/** npm passes over a package that is for another platform, and asks the registry for nothing. */
function platformOf(name) {
  const [, system, processor, libc] =
    /-(android|darwin|linux|win32|windows)-(arm64|x64|64)(-musl)?$/.exec(name) ?? [];
  if (system === undefined)
    throw new Error(`${name}: not a platform package; install it on a machine that can`);
  return {
    os: [system === "windows" ? "win32" : system],
    cpu: [processor === "64" ? "x64" : processor],
    ...(system === "linux" ? { libc: [libc === undefined ? "glibc" : "musl"] } : {}),
  };
}
