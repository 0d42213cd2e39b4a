import { type LoadClient, type QoS, sequenceOf, Template } from "./load-client.ts";

/** Messages of one publisher and when they are done: arrived everywhere, and acknowledged if they ask for it. */
export class Flow {
  readonly #publisher: LoadClient;
  readonly #template: Template;
  readonly #qos: QoS;
  readonly #inFlight: number;
  readonly #needed: number;
  readonly #sentAt = new Float64Array(65_536);
  readonly #missing = new Uint16Array(65_536);
  #sent = 0;
  #isRunning = false;
  #open = 0;
  #onIdle: () => void = () => {};
  /** Messages that are done. */
  done = 0;
  /** From the write of a message to its last arrival or acknowledgement, in ms. */
  readonly latencies: number[] = [];
  isMeasured = false;

  /** @param subscribers each gets every message; a publisher may be its own subscriber. */
  constructor(
    publisher: LoadClient,
    subscribers: readonly LoadClient[],
    topicName: string,
    { qos = 0, inFlight = 1 }: { qos?: QoS; inFlight?: number } = {},
  ) {
    this.#publisher = publisher;
    this.#template = new Template(topicName, qos);
    this.#qos = qos;
    this.#inFlight = inFlight;
    this.#needed = subscribers.length + (qos > 0 ? 1 : 0);
    for (const subscriber of subscribers) {
      subscriber.onMessage = (payload) => this.#arrived(sequenceOf(payload));
    }
    publisher.onAcknowledged = (packetId) => this.#arrived(packetId - 1);
  }

  start(): void {
    this.#isRunning = true;
    for (let index = 0; index < this.#inFlight; index += 1) this.#next();
  }

  /** Resolves when nothing is on its way any more. @throws Error when that takes longer than 10 s. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    if (this.#open === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      }),
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`${this.#open} messages never arrived`)), 10_000);
      }),
    ]);
    clearTimeout(timer);
  }

  #next(): void {
    // Also the packet identifier, less one: 0 is none.
    const sequence = this.#sent++ % 65_535;
    this.#sentAt[sequence] = performance.now();
    this.#missing[sequence] = this.#needed;
    this.#open += 1;
    this.#publisher.publish(this.#template.fill(sequence, sequence + 1));
  }

  #arrived(sequence: number): void {
    const missing = (this.#missing[sequence] ?? 0) - 1;
    this.#missing[sequence] = missing;
    if (missing > 0) return;
    this.#open -= 1;
    this.done += 1;
    if (this.isMeasured) this.latencies.push(performance.now() - (this.#sentAt[sequence] ?? 0));
    if (this.#isRunning) this.#next();
    else if (this.#open === 0) this.#onIdle();
  }

  get qos(): QoS {
    return this.#qos;
  }
}

/** Runs flows side by side for a while, after a warm-up. @returns messages done, and the seconds it took. */
export async function runFlows(
  flows: readonly Flow[],
  { warmUpMs, ms }: { warmUpMs: number; ms: number },
  measured: (work: () => Promise<number>) => Promise<unknown> = (work) => work(),
): Promise<{ rate: number; samples: number[] }> {
  const total = () => flows.reduce((sum, flow) => sum + flow.done, 0);
  for (const flow of flows) flow.start();
  await new Promise((resolve) => setTimeout(resolve, warmUpMs));
  let rate = 0;
  await measured(async () => {
    for (const flow of flows) flow.isMeasured = true;
    const [before, startedAt] = [total(), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, ms));
    const done = total() - before;
    rate = done / ((performance.now() - startedAt) / 1000);
    for (const flow of flows) flow.isMeasured = false;
    return done;
  });
  await Promise.all(flows.map((flow) => flow.stop()));
  return { rate, samples: flows.flatMap(({ latencies }) => latencies) };
}
