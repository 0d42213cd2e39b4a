import { spawn } from "node:child_process";
import { platform } from "node:os";

/** Opens an address in the person's browser. @returns whether a browser could be asked. */
export async function openInBrowser(url: string): Promise<boolean> {
  const [command, ...before] =
    platform() === "darwin"
      ? ["open"]
      : platform() === "win32"
        ? ["rundll32", "url.dll,FileProtocolHandler"]
        : ["xdg-open"];
  return await new Promise((resolve) => {
    const child = spawn(command ?? "xdg-open", [...before, url], { stdio: "ignore", detached: true });
    child.once("error", () => resolve(false));
    child.once("spawn", () => {
      child.unref();
      resolve(true);
    });
  });
}
