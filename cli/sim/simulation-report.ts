import type { Terminal } from "../terminal.ts";
import type { Simulation, SimulationEvent } from "./simulation.ts";

const STATUS_MS = 500;
const RECORD_MS = 5000;

/** Tells how a simulation goes: one live line on a terminal, JSON lines with `--json`, and the totals at the end. */
export class SimulationReport {
  readonly #terminal: Terminal;
  #timer: NodeJS.Timeout | undefined;
  #lastPublished = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  start(simulation: Simulation): void {
    const everyMs = this.#terminal.json ? RECORD_MS : STATUS_MS;
    this.#timer = setInterval(() => this.#tick(simulation, everyMs), everyMs);
    this.#timer.unref();
  }

  event(event: SimulationEvent): void {
    const { device } = event;
    this.#terminal.record({ ...event });
    if (event.event === "command") this.#terminal.note(`${device}: ${event.command} ${event.status}`);
    else if (!this.#terminal.isInteractive) this.#terminal.note(`${device}: ${event.state}`);
  }

  end(simulation: Simulation): void {
    clearInterval(this.#timer);
    const { counts } = simulation;
    this.#terminal.record({ event: "done", ...counts });
    this.#terminal.note(
      `${counts.published} samples published, ${counts.dropped} dropped for want of an owner, ${counts.commands} commands.`,
    );
    if (counts.waiting > 0) this.#terminal.next("npx edgenym claim --open", "while they run: make one yours");
  }

  #tick(simulation: Simulation, everyMs: number): void {
    const { counts, waitingFor } = simulation;
    this.#terminal.record({ event: "progress", ...counts });
    const rate = ((counts.published - this.#lastPublished) * 1000) / everyMs;
    this.#lastPublished = counts.published;
    const waiting =
      counts.waiting === 0
        ? ""
        : `, ${counts.waiting} without an owner (${waitingFor.slice(0, 3).join(", ")}${counts.waiting > 3 ? ", …" : ""})`;
    this.#terminal.status(
      `${counts.online} of ${counts.devices} online${waiting} · ${counts.published} samples, ${rate.toFixed(0)}/s · ${counts.commands} commands`,
    );
  }
}
