import type { AppConnection } from "../../../sdk/app.ts";
import { LightSwitch } from "./device-panel.ts";
import { h, setText } from "./dom.ts";
import type { NamedDevice, Reading, Readings } from "./readings.ts";
import { formatTime } from "./times.ts";

const SHOWN_ACTIONS = 6;

/** The two devices whose values belong together: a sign that a rule tells what to show, and who counts by hand. */
export interface RoomDevices {
  readonly sign: NamedDevice;
  /** Absent when the user does not share it. */
  readonly counter: NamedDevice | undefined;
}

/** @returns `undefined` when no sign is shared. */
export function roomDevicesOf(devices: readonly NamedDevice[]): RoomDevices | undefined {
  const sign = devices.find(({ properties }) => "people" in properties && "agreement" in properties);
  if (sign === undefined) return undefined;
  return { sign, counter: devices.find((device) => device !== sign && "people" in device.properties) };
}

/** Who is in the room: what the user's rule says, what was counted, how often both agree, and what the rule does. */
export class RoomPanel {
  readonly element: HTMLElement;
  readonly #devices: RoomDevices;
  readonly #readings: Readings;
  readonly #inferred = figure("The rule says");
  readonly #counted = figure("Counted by hand");
  readonly #agreement = figure("They agree");
  readonly #lamp = figure("Lamp at the door");
  readonly #switch: LightSwitch | undefined;
  readonly #actions = h("ol", { class: "actions", "aria-label": "What the rule did, newest first" });
  readonly #rule = h("pre", { tabindex: "0", "aria-label": "Text of the rule" });
  #isRuleRead = false;

  constructor(devices: RoomDevices, readings: Readings, connection: () => AppConnection | undefined) {
    this.#devices = devices;
    this.#readings = readings;
    const { sign } = devices;
    if ("led" in sign.actions) this.#switch = new LightSwitch(sign, "led", "Lamp at the door", connection);
    this.element = h(
      "section",
      { class: "panel", "aria-labelledby": "room-heading" },
      h("h2", { id: "room-heading" }, "Who is in the room?"),
      h(
        "div",
        { class: "cards" },
        ...[this.#inferred, this.#counted, this.#agreement].map(({ element }) => element),
        this.#switch?.element ?? this.#lamp.element,
      ),
      h("h3", {}, "What the rule did"),
      this.#actions,
      h(
        "details",
        { toggle: () => void this.#readRule() },
        h("summary", {}, "The rule"),
        h(
          "p",
          { class: "quiet" },
          "As it is offered with this app. It runs in your own cloud, where only you can read and change it; " +
            "the app sees no more of it than the sign that you share.",
        ),
        this.#rule,
      ),
    );
  }

  update(nowMs: number): void {
    const { sign, counter } = this.#devices;
    const latest = (device: NamedDevice | undefined, property: string) =>
      device === undefined ? undefined : this.#readings.latest(device.handle, property);
    const said = latest(sign, "people");
    const counted = latest(counter, "people");
    show(this.#inferred, people(said), since(said, nowMs));
    show(this.#counted, people(counted), counter === undefined ? "Not shared" : at(counted, nowMs));
    const agreement = latest(sign, "agreement")?.value;
    const counts = latest(sign, "counts")?.value;
    if (typeof agreement === "number" && typeof counts === "number")
      show(this.#agreement, `${agreement.toFixed(1)} %`, `of ${counts} counts so far`);
    const lamp = latest(sign, "led");
    const isOn = lamp?.value === true;
    this.#switch?.update(isOn);
    show(this.#lamp, lamp === undefined ? "–" : isOn ? "on" : "off", since(lamp, nowMs));
    this.#updateActions(nowMs);
  }

  #updateActions(nowMs: number): void {
    const ofSign = (property: string) =>
      this.#readings.of(property).filter(({ handle }) => handle === this.#devices.sign.handle);
    const done = [
      ...ofSign("led").map((reading) => ({
        reading,
        text: `switched the lamp ${reading.value === true ? "on" : "off"}`,
      })),
      ...ofSign("people").map((reading) => ({
        reading,
        text: `wrote “${people(reading)}” on the sign`,
      })),
    ]
      .sort((a, b) => b.reading.measuredAtMs - a.reading.measuredAtMs)
      .slice(0, SHOWN_ACTIONS);
    const lines = done.map(({ reading, text }) => ({ time: formatTime(reading.measuredAtMs, nowMs), text }));
    if (lines.map(({ time, text }) => `${time} ${text}`).join() === this.#actions.dataset.shown) return;
    this.#actions.dataset.shown = lines.map(({ time, text }) => `${time} ${text}`).join();
    this.#actions.replaceChildren(
      ...done.map(({ reading, text }, i) =>
        h(
          "li",
          {},
          h("time", { datetime: new Date(reading.measuredAtMs).toISOString() }, lines[i]?.time),
          ` ${text}`,
        ),
      ),
    );
  }

  async #readRule(): Promise<void> {
    if (this.#isRuleRead) return;
    this.#isRuleRead = true;
    try {
      const answer = await fetch("/occupancy.siddhi");
      setText(this.#rule, answer.ok ? await answer.text() : "The text is not here.");
    } catch {
      this.#isRuleRead = false;
      setText(this.#rule, "The text could not be loaded. Close and open this again.");
    }
  }
}

interface Figure {
  readonly element: HTMLElement;
  readonly value: HTMLElement;
  readonly note: HTMLElement;
}

function figure(title: string): Figure {
  const value = h("p", { class: "value" }, "–");
  const note = h("p", { class: "when" }, "no value yet");
  return {
    value,
    note,
    element: h("div", { class: "card", role: "group", "aria-label": title }, h("h3", {}, title), value, note),
  };
}

function show({ value, note }: Figure, text: string, explained: string): void {
  setText(value, text);
  setText(note, explained);
}

function people(reading: Reading | undefined): string {
  if (typeof reading?.value !== "number") return "–";
  return reading.value === 0 ? "nobody" : reading.value === 1 ? "1 person" : `${reading.value} people`;
}

function since(reading: Reading | undefined, nowMs: number): string {
  return reading === undefined ? "no value yet" : `since ${formatTime(reading.measuredAtMs, nowMs)}`;
}

function at(reading: Reading | undefined, nowMs: number): string {
  return reading === undefined ? "no value yet" : `at ${formatTime(reading.measuredAtMs, nowMs)}`;
}
