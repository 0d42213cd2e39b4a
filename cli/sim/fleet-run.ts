import { AppConnection } from "../../sdk/app-connection.ts";
import { systemClock } from "../../sdk/clock.ts";
import type { Terminal } from "../terminal.ts";
import type { FleetJournal } from "./fleet-journal.ts";
import type { FleetUser } from "./fleet-user.ts";
import { Household } from "./household.ts";
import { Simulation } from "./simulation.ts";

/** What is to run, and for how long. */
export interface FleetRunOptions {
  readonly users: readonly FleetUser[];
  readonly journal: FleetJournal;
  readonly intervalSeconds: number;
  /** Rounds of measuring; for ever when absent. */
  readonly limit?: number;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

/** Connects every device and every app of a fleet; devices measure a household, apps count what arrives. */
export async function runFleet(options: FleetRunOptions): Promise<void> {
  const { users, journal, intervalSeconds, limit, terminal, signal } = options;
  const devices = users.flatMap(({ deviceNames }) =>
    deviceNames.flatMap((name) => {
      const identity = journal.device(name);
      return identity === undefined ? [] : [{ identity, store: journal.deviceStore(name) }];
    }),
  );
  const simulation = new Simulation({ devices, clock: systemClock });
  let received = 0;
  const apps = users.map(
    ({ authorization }) =>
      new AppConnection({
        authorization,
        clock: systemClock,
        random: Math.random,
        handlers: {
          onSample: ({ retained }) => {
            if (!retained) received += 1;
          },
        },
      }),
  );

  const stop = new AbortController();
  const running = simulation.run(AbortSignal.any([signal, stop.signal]));
  const counts = () => ({
    ...simulation.counts,
    apps: apps.length,
    apps_online: apps.filter(({ status }) => status === "online").length,
    received,
  });
  const tell = () => {
    const { online, devices: total, apps_online, published } = counts();
    terminal.record({ event: "progress", ...counts() });
    terminal.status(
      `devices ${online} of ${total} online · apps ${apps_online} of ${apps.length} · ${published} sent · ${received} received`,
    );
  };
  const timer = setInterval(tell, terminal.json ? 5000 : 500);
  try {
    const pace = { intervalSeconds, ...(limit === undefined ? {} : { limit }) };
    await simulation.inhabit(new Household("fleet"), pace, signal);
  } finally {
    clearInterval(timer);
    stop.abort();
    await Promise.all([running, ...apps.map((app) => app.close())]);
    const { published, received: arrived } = counts();
    terminal.record({ event: "done", ...counts() });
    terminal.note(`${published} samples sent, ${arrived} received by apps.`);
  }
}
