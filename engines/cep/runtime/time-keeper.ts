import { Scheduler, Timer } from "./scheduler.ts";

/** The injected clock: milliseconds since 1970, UTC. */
export interface Clock {
  now(): number;
}

/** How a playback app's time goes on when no event comes. */
export interface IdleAdvance {
  readonly idleMs: number;
  readonly incrementMs: number;
}

/** Saved time of an app. */
export interface SavedTime {
  readonly isPlayback: boolean;
  readonly eventTime: number;
  readonly lastArrival: number;
}

/**
 * The time of an app: the injected clock, or in playback the time of the events. Timers run when the shell says so
 * (`runDue`), in (due, sequence) order, with the app's time at the due time.
 */
export class TimeKeeper {
  readonly #clock: Clock;
  readonly scheduler = new Scheduler(() => this.now());
  readonly #heartbeats = new Scheduler(() => this.#wall());
  readonly #heartbeat = new Timer(this.#heartbeats, 0, () => this.#onHeartbeat());
  #isPlayback: boolean;
  #idle: IdleAdvance | undefined;
  #eventTime = 0;
  #lastArrival = 0;
  #dueTime: number | undefined;

  constructor(clock: Clock, isPlayback: boolean, idle: IdleAdvance | undefined) {
    this.#clock = clock;
    this.#isPlayback = isPlayback;
    this.#idle = idle;
  }

  get isPlayback(): boolean {
    return this.#isPlayback;
  }

  #wall(): number {
    return this.#dueTime ?? this.#clock.now();
  }

  now(): number {
    return this.#isPlayback ? this.#eventTime : this.#wall();
  }

  /** The wall clock, also in playback. */
  wallTime(): number {
    return this.#wall();
  }

  setPlayback(isPlayback: boolean, idle: IdleAdvance | undefined): void {
    this.#isPlayback = isPlayback;
    this.#idle = idle;
    if (isPlayback) this.#armHeartbeat();
  }

  /** In playback, time moves to the event's, and timers that fall due run first. */
  arrive(timestamp: number): void {
    if (!this.#isPlayback || timestamp < this.#eventTime) return;
    this.#eventTime = timestamp;
    const next = this.scheduler.nextDue();
    if (next !== undefined && next <= timestamp) this.#runPlaybackTimers();
    if (this.#idle === undefined) return;
    this.#lastArrival = this.#wall();
    this.#armHeartbeat();
  }

  #runPlaybackTimers(): void {
    const first = this.scheduler.takeDue(this.#eventTime);
    if (first === undefined) return;
    const second = this.scheduler.nextDue();
    if (second === undefined || second > this.#eventTime) {
      first.run();
      return;
    }
    const due: Timer[] = [first];
    for (
      let t = this.scheduler.takeDue(this.#eventTime);
      t !== undefined;
      t = this.scheduler.takeDue(this.#eventTime)
    )
      due.push(t);
    if (due.length > 1) due.sort((a, b) => a.order - b.order || a.due - b.due || a.sequence - b.sequence);
    for (const timer of due) timer.run();
  }

  #armHeartbeat(): void {
    if (this.#idle === undefined || this.#heartbeat.isScheduled) return;
    this.#heartbeat.notifyAt(this.#wall() + this.#idle.idleMs);
  }

  #onHeartbeat(): void {
    if (this.#idle === undefined || !this.#isPlayback) return;
    const elapsed = this.#wall() - this.#lastArrival;
    // The timer is still marked as scheduled while it runs, so it is asked for directly.
    if (elapsed >= this.#idle.idleMs) {
      this.#eventTime += this.#idle.incrementMs;
      this.#runPlaybackTimers();
      this.#lastArrival = this.#wall();
      this.#heartbeat.notifyAt(this.#wall() + this.#idle.idleMs);
    } else {
      this.#heartbeat.notifyAt(this.#wall() + this.#idle.idleMs - elapsed);
    }
  }

  /** True when `runDue` may find something to do. */
  get hasDue(): boolean {
    const next = this.#isPlayback ? undefined : this.scheduler.nextDue();
    const beat = this.#heartbeats.nextDue();
    if (next === undefined && beat === undefined) return false;
    const wall = this.#clock.now();
    return (next !== undefined && next <= wall) || (beat !== undefined && beat <= wall);
  }

  /** Runs the timers due by now. @returns how many ran */
  runDue(): number {
    let ran = 0;
    const wall = this.#clock.now();
    for (;;) {
      const heartbeatDue = this.#heartbeats.nextDue();
      const timerDue = this.#isPlayback ? undefined : this.scheduler.nextDue();
      const isHeartbeat = heartbeatDue !== undefined && (timerDue === undefined || heartbeatDue <= timerDue);
      const timer = isHeartbeat
        ? this.#heartbeats.takeDue(wall)
        : this.#isPlayback
          ? undefined
          : this.scheduler.takeDue(wall);
      if (timer === undefined) return ran;
      const outer = this.#dueTime;
      this.#dueTime = timer.due;
      try {
        timer.run();
      } finally {
        this.#dueTime = outer;
      }
      ran++;
    }
  }

  /** When the shell must call `runDue` next (wall time), or undefined. */
  nextDue(): number | undefined {
    const dues = [this.#heartbeats.nextDue(), this.#isPlayback ? undefined : this.scheduler.nextDue()].filter(
      (d) => d !== undefined,
    );
    return dues.length === 0 ? undefined : Math.min(...dues);
  }

  stop(): void {
    this.#heartbeat.cancel();
  }

  save(): SavedTime & { heartbeat: ReturnType<Timer["save"]> } {
    return {
      isPlayback: this.#isPlayback,
      eventTime: this.#eventTime,
      lastArrival: this.#lastArrival,
      heartbeat: this.#heartbeat.save(),
    };
  }

  load(saved: ReturnType<TimeKeeper["save"]>): void {
    this.#isPlayback = saved.isPlayback;
    this.#eventTime = saved.eventTime;
    this.#lastArrival = saved.lastArrival;
    this.#heartbeat.load(saved.heartbeat);
  }
}
