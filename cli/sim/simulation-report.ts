import type { Terminal } from "../terminal.ts";
import type { Simulation, SimulationEvent } from "./simulation.ts";

const STATUS_MS = 500;
const RECORD_MS = 5000;
const RATE_TICKS = 11;

/** Tells how a simulation goes: one live line on a terminal, JSON lines with `--json`, and the totals at the end. */
export class SimulationReport {
  readonly #terminal: Terminal;
  #timer: NodeJS.Timeout | undefined;
  /** `published` at the last ticks, for a rate that does not flicker. */
  #recent: number[] = [0];

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
  }

  #tick(simulation: Simulation, everyMs: number): void {
    const { counts, waitingFor } = simulation;
    this.#terminal.record({ event: "progress", ...counts });
    this.#recent = [...this.#recent, counts.published].slice(-RATE_TICKS);
    const perTick = (counts.published - (this.#recent[0] ?? 0)) / Math.max(1, this.#recent.length - 1);
    const rate = ((perTick * 1000) / everyMs).toFixed(1);
    const names = `${waitingFor.slice(0, 3).join(", ")}${counts.waiting > 3 ? ", …" : ""}`;
    const waiting = counts.waiting === 0 ? "" : ` · ${counts.waiting} without an owner: ${names}`;
    this.#terminal.status(
      `${counts.online} of ${counts.devices} online · ${counts.published} samples, ${rate}/s · ${counts.commands} commands${waiting}`,
    );
  }
}
