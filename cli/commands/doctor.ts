import { stat } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { CliError, exitCodes } from "../cli-error.ts";
import { type Context, contextOf } from "../context.ts";
import { examples } from "../options.ts";
import type { PlatformAddresses } from "../workspace.ts";

interface Finding {
  readonly check: string;
  readonly ok: boolean;
  /** What to do about it. */
  readonly fix?: string;
}

/** `edgenym doctor` */
export function doctorCommand(): Command {
  return new Command("doctor")
    .description("check that everything is in place, and say how to mend what is not")
    .addHelpText("before", examples("doctor"))
    .action(async (_, command: Command) => {
      const context = contextOf(command);
      const { terminal } = context;
      const findings = await examine(context);
      for (const finding of findings) {
        terminal.record({ ...finding });
        terminal.line(
          `${finding.ok ? terminal.style("green", "✓") : terminal.style("red", "✗")} ${finding.check}`,
        );
        if (finding.fix !== undefined && !finding.ok) terminal.line(`  ${finding.fix}`);
      }
      const failed = findings.filter(({ ok }) => !ok).length;
      if (failed === findings.length) throw new CliError(exitCodes.failed, "nothing is in place");
      if (failed > 0) throw new CliError(exitCodes.partial, `${failed} of ${findings.length} checks failed`);
      terminal.next("npx edgenym sim factory --count 3", "three devices with their labels");
    });
}

async function examine({ workspace }: Context): Promise<readonly Finding[]> {
  const major = Number(process.versions.node.split(".")[0]);
  const findings: Finding[] = [
    {
      check: `Node ${process.versions.node} runs this`,
      ok: major >= 24,
      fix: "Install the dependencies: npm ci",
    },
  ];
  const addresses = await workspace.platform().catch(() => undefined);
  if (addresses === undefined) {
    return [...findings, { check: "a platform was started here", ok: false, fix: "Start it: npm start" }];
  }
  findings.push(...(await Promise.all(probes(addresses).map(probe))));
  for (const file of ["secrets.json", "devices"]) findings.push(...(await privacyOf(workspace.folder, file)));
  return findings;
}

function probes({
  gateway,
  didp,
  uidp,
  sampleApp,
}: PlatformAddresses): readonly (readonly [string, string])[] {
  return [
    ["the gateway", `${gateway}/.well-known/oauth-protected-resource`],
    ["the DIdP", `${didp}/.well-known/oauth-authorization-server`],
    ["the demo login", `${uidp}/.well-known/openid-configuration`],
    ["the sample app", `${sampleApp}/config.json`],
  ];
}

async function probe([name, url]: readonly [string, string]): Promise<Finding> {
  const ok = await fetch(url, { signal: AbortSignal.timeout(3000) }).then(
    (response) => response.ok,
    () => false,
  );
  return { check: `${name} answers at ${new URL(url).origin}`, ok, fix: "Start the platform: npm start" };
}

/** Secrets that others on this machine could read are a finding; what is not there yet is none. */
async function privacyOf(folder: string, file: string): Promise<readonly Finding[]> {
  const path = join(folder, file);
  try {
    const { mode } = await stat(path);
    return [{ check: `only you can read ${file}`, ok: (mode & 0o077) === 0, fix: `chmod go= ${path}` }];
  } catch {
    return [];
  }
}
