import type { Attribute, Ev } from "../event.ts";

/** Takes the chunks of a stream. The events belong to all receivers: copy before changing. */
export interface Receiver {
  receive(chunk: readonly Ev[]): void;
  /** The same for a chunk of one. */
  receiveOne(e: Ev): void;
}

/** A receiver from a function over chunks. */
export function receiverOf(receive: (chunk: readonly Ev[]) => void): Receiver {
  return { receive, receiveOne: (e) => receive([e]) };
}

/** Called with what a receiver threw, and the chunk it was given. */
export type FaultHandler = (chunk: readonly Ev[], error: unknown) => void;

/** A stream at run time: hands each chunk to its receivers, in the order they subscribed. */
export class Junction {
  readonly id: string;
  readonly attributes: readonly Attribute[];
  readonly #onFault: FaultHandler;
  #receivers: Receiver[] = [];
  eventCount = 0;

  constructor(id: string, attributes: readonly Attribute[], onFault: FaultHandler) {
    this.id = id;
    this.attributes = attributes;
    this.#onFault = onFault;
  }

  subscribe(receiver: Receiver): void {
    this.#receivers = [...this.#receivers, receiver];
  }

  unsubscribe(receiver: Receiver): void {
    this.#receivers = this.#receivers.filter((r) => r !== receiver);
  }

  get isHeard(): boolean {
    return this.#receivers.length > 0;
  }

  /** Where the stream's events go now: its only receiver, else all of them. What they throw is the caller's. */
  entry(): Receiver {
    const receivers = this.#receivers;
    const [only] = receivers;
    if (receivers.length === 1 && only !== undefined) return only;
    return {
      receive: (chunk) => {
        for (const r of receivers) r.receive(chunk);
      },
      receiveOne: (e) => {
        for (const r of receivers) r.receiveOne(e);
      },
    };
  }

  /** Sends a chunk of one. */
  sendOne(e: Ev): void {
    this.eventCount++;
    const receivers = this.#receivers;
    try {
      for (let i = 0; i < receivers.length; i++) (receivers[i] as Receiver).receiveOne(e); // in range
    } catch (error) {
      this.#onFault([e], error);
    }
  }

  /** A failure in one receiver ends the chunk for the rest, as in Siddhi, and goes to the fault handler. */
  send(chunk: readonly Ev[]): void {
    this.eventCount += chunk.length;
    const receivers = this.#receivers;
    try {
      for (let i = 0; i < receivers.length; i++) (receivers[i] as Receiver).receive(chunk); // in range
    } catch (error) {
      this.#onFault(chunk, error);
    }
  }
}
