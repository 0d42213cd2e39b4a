import { type AppConnection, CommandTimedOut, NotConnected } from "../../../sdk/app.ts";
import { h, setText } from "./dom.ts";
import { type NamedDevice, type Readings, STALE_AFTER_MS, unitSymbol } from "./readings.ts";
import { formatAge, formatTime } from "./times.ts";

interface ValueCard {
  readonly property: string;
  readonly unit: string;
  readonly element: HTMLElement;
  readonly value: HTMLElement;
  readonly when: HTMLElement;
}

/** One device: whether it is there, its values, its switches. */
export class DevicePanel {
  readonly element: HTMLElement;
  readonly #device: NamedDevice;
  readonly #readings: Readings;
  readonly #badge = h("span", { class: "badge" }, "not heard of yet");
  readonly #cards: readonly ValueCard[];
  readonly #switches: readonly LightSwitch[];

  constructor(device: NamedDevice, readings: Readings, connection: () => AppConnection | undefined) {
    this.#device = device;
    this.#readings = readings;
    const switched = Object.keys(device.actions);
    this.#cards = Object.entries(device.properties)
      .filter(([property]) => !switched.includes(property))
      .map(([property, { title, unit }]) => valueCard(property, title, unitSymbol(unit)));
    this.#switches = Object.entries(device.actions).map(
      ([action, { title }]) =>
        new LightSwitch(device, action, device.properties[action]?.title ?? title, connection),
    );
    const heading = `device-${device.handle}`;
    this.element = h(
      "section",
      { class: "panel device", "aria-labelledby": heading },
      h("header", { class: "row" }, h("h2", { id: heading }, device.name), this.#badge),
      h(
        "div",
        { class: "cards" },
        ...this.#cards.map(({ element }) => element),
        ...this.#switches.map(({ element }) => element),
      ),
    );
  }

  /** @param state of the device, from `$state`; `undefined` when it never said. */
  setPresence(state: string | undefined): void {
    const words: Record<string, string> = {
      ready: "online",
      sleeping: "asleep",
      init: "starting",
      lost: "connection lost",
      disconnected: "switched off",
    };
    setText(this.#badge, state === undefined ? "not heard of yet" : (words[state] ?? state));
    this.#badge.dataset.present = String(state === "ready" || state === "sleeping");
  }

  update(nowMs: number): void {
    for (const { property, unit, element, value, when } of this.#cards) {
      const reading = this.#readings.latest(this.#device.handle, property);
      if (reading === undefined) continue;
      const shown = h("span", { class: "unit" }, unit === "" ? "" : ` ${unit}`);
      if (value.textContent !== `${reading.value}${shown.textContent}`)
        value.replaceChildren(String(reading.value), shown);
      const ageMs = nowMs - reading.receivedAtMs;
      const isStale = ageMs > STALE_AFTER_MS;
      element.dataset.stale = String(isStale);
      const measured = new Date(reading.measuredAtMs).toISOString();
      const how = reading.retained ? "last known" : isStale ? "no update, came" : "came";
      const text = `Measured ${formatTime(reading.measuredAtMs, nowMs)}, ${how} ${formatAge(ageMs)}`;
      if (when.textContent !== text) {
        const [before = "", after = ""] = text.split(formatTime(reading.measuredAtMs, nowMs));
        when.replaceChildren(
          before,
          h("time", { datetime: measured }, formatTime(reading.measuredAtMs, nowMs)),
          after,
        );
      }
    }
    for (const light of this.#switches)
      light.update(this.#readings.latest(this.#device.handle, light.action)?.value === true);
  }
}

function valueCard(property: string, title: string, unit: string): ValueCard {
  const value = h("p", { class: "value" }, "–");
  const when = h("p", { class: "when" }, "no value yet");
  const element = h(
    "div",
    { class: "card", role: "group", "aria-label": title },
    h("h3", {}, title),
    value,
    when,
  );
  return { property, unit, element, value, when };
}

/** A switch that tells the truth: it moves when the device says so, and says what happens until then. */
export class LightSwitch {
  readonly action: string;
  readonly element: HTMLElement;
  readonly #device: NamedDevice;
  readonly #connection: () => AppConnection | undefined;
  readonly #button: HTMLButtonElement;
  readonly #state = h("span", { "aria-hidden": "true" }, "off"); // aria-checked says the same
  readonly #outcome = h("p", { class: "when outcome", role: "status" });
  #isPending = false;

  constructor(
    device: NamedDevice,
    action: string,
    title: string,
    connection: () => AppConnection | undefined,
  ) {
    this.#device = device;
    this.action = action;
    this.#connection = connection;
    this.#button = h(
      "button",
      {
        type: "button",
        class: "switch",
        role: "switch",
        "aria-checked": "false",
        "aria-label": `${title} of ${device.name}`,
        click: () => void this.#toggle(),
      },
      h("span", { class: "track", "aria-hidden": "true" }, h("span", { class: "thumb" })),
      this.#state,
    );
    this.element = h(
      "div",
      { class: "card", role: "group", "aria-label": title },
      h("h3", {}, title),
      this.#button,
      this.#outcome,
    );
  }

  update(isOn: boolean): void {
    this.#button.setAttribute("aria-checked", String(isOn));
    setText(this.#state, isOn ? "on" : "off");
  }

  async #toggle(): Promise<void> {
    if (this.#isPending) return;
    const wanted = this.#button.getAttribute("aria-checked") !== "true";
    this.#begin();
    try {
      const connection = this.#connection();
      if (connection === undefined) throw new NotConnected("there is no connection");
      const reply = await connection.command(this.#device.handle, this.action, wanted);
      if (reply.status === "done") {
        if (typeof reply.value === "boolean") this.update(reply.value);
        this.#end(`Done: the device says ${reply.value === true ? "on" : "off"}`, false);
      } else {
        this.#end("The device could not do it", true);
      }
    } catch (error) {
      this.#end(outcomeOf(error), true);
    }
  }

  #begin(): void {
    this.#isPending = true;
    this.#button.setAttribute("aria-disabled", "true");
    this.#outcome.dataset.failed = "false";
    setText(this.#outcome, "Asking the device…");
  }

  #end(text: string, isFailed: boolean): void {
    this.#isPending = false;
    this.#button.removeAttribute("aria-disabled");
    this.#outcome.dataset.failed = String(isFailed);
    setText(this.#outcome, text);
  }
}

function outcomeOf(error: unknown): string {
  if (error instanceof CommandTimedOut) return "No answer in time; it may be off or out of reach";
  if (error instanceof NotConnected) return "The connection is gone; it may not have reached the device";
  return "Not sent";
}
