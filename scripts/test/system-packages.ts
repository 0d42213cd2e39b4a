import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** What some suites need from the system: the command (or file) that shows it is there, and Debian's package. */
export const systemPackages = {
  chromium: { command: "chromium", debianPackage: "chromium" },
  mosquitto: { command: "mosquitto", debianPackage: "mosquitto" },
  "mosquitto-clients": { command: "mosquitto_pub", debianPackage: "mosquitto-clients" },
  php: { command: "php", debianPackage: "php-cli" },
  "php-mbstring": { command: "/var/lib/dpkg/info/php-mbstring.list", debianPackage: "php-mbstring" },
  "php-xml": { command: "/var/lib/dpkg/info/php-xml.list", debianPackage: "php-xml" },
  simplesamlphp: { command: "/usr/share/simplesamlphp/lib/_autoload.php", debianPackage: "simplesamlphp" },
  slapd: { command: "slapd", debianPackage: "slapd" },
} as const;

export type SystemPackage = keyof typeof systemPackages;

/**
 * Installs what is missing through apt where this is Debian and we are root.
 * @returns what is still missing.
 */
export function installSystemPackages(wanted: readonly SystemPackage[]): readonly SystemPackage[] {
  const missing = () => wanted.filter((name) => !isOnPath(systemPackages[name].command));
  if (missing().length === 0) return [];
  if (existsSync("/etc/debian_version") && process.getuid?.() === 0) {
    const packages = missing().map((name) => systemPackages[name].debianPackage);
    console.log(`Installing ${packages.join(", ")} (apt-get) ...`);
    const apt = (...args: string[]) =>
      spawnSync("apt-get", ["-qq", "-y", ...args], {
        stdio: ["ignore", "ignore", "inherit"],
        env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      });
    apt("update");
    apt("install", "--no-install-recommends", ...packages);
  }
  return missing();
}

function isOnPath(command: string): boolean {
  if (command.startsWith("/")) return existsSync(command);
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin"];
  return folders.some((folder) => existsSync(join(folder, command)));
}
