import { type Platform, startPlatform } from "../../identity/support/platform.ts";
import { startLyingProvider } from "./lying-provider.ts";

/** A platform on `port` and the next ones, on which people may choose between two lying providers. */
export interface TwoLogins {
  readonly platform: Platform;
  readonly one: Awaited<ReturnType<typeof startLyingProvider>>;
  readonly two: Awaited<ReturnType<typeof startLyingProvider>>;
  stop(): Promise<void>;
}

/** @param subject who comes to either provider, until the test says otherwise. */
export async function startTwoLogins(port: number, subject: string): Promise<TwoLogins> {
  const one = await startLyingProvider(port + 5, subject);
  const two = await startLyingProvider(port + 6, subject);
  const platform = await startPlatform(port, {
    UIDPS: JSON.stringify(
      [one, two].map(({ issuer }, index) => ({
        id: ["one", "two"][index],
        name: ["First login", "Second login"][index],
        protocol: "oidc",
        issuer,
        client_id: "didp",
        client_secret: "a-secret-of-this-test-only",
        allow_insecure_issuer: true,
      })),
    ),
  });
  const stop = async () => {
    await platform.stop();
    for (const provider of [one, two]) await provider.stop();
  };
  return { platform, one, two, stop };
}
