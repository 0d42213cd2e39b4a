import uPlot from "uplot";
import { h, setText } from "./dom.ts";
import { type NamedDevice, type Readings, unitSymbol } from "./readings.ts";
import { formatTime } from "./times.ts";

/** Lines are told apart by dash as well as by colour. */
const DASHES: readonly (readonly number[])[] = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 2]];
const COLORS = 5;
const SHOWN_ROWS = 200;

/**
 * The chart of one property: a canvas for the eye, a sentence and a table for everybody, arrow keys for a cursor.
 */
export class Chart {
  readonly element: HTMLElement;
  readonly #readings: Readings;
  readonly #first: string | undefined;
  readonly #select: HTMLSelectElement;
  readonly #canvas = h("div", {
    class: "chart",
    role: "group",
    tabindex: "0",
    "aria-details": "readings",
    "aria-describedby": "chart-summary",
  });
  readonly #summary = h("span", { id: "chart-summary" });
  readonly #cursorText = h("span", { role: "status" });
  readonly #key = h("ul", { class: "key", "aria-label": "Lines" });
  readonly #rows = h("tbody");
  readonly #caption = h("caption");
  readonly #table: HTMLElement;
  readonly #toggle: HTMLButtonElement;
  #plot: uPlot | undefined;
  #shape = "";
  #cursor: number | undefined;

  /** @param first the property that is drawn until another one is chosen, if there is such. */
  constructor(readings: Readings, first: string | undefined) {
    this.#readings = readings;
    this.#first = first;
    this.#select = h("select", { id: "property", change: () => this.update() });
    this.#table = h(
      "div",
      {
        class: "table",
        id: "readings",
        role: "region",
        "aria-label": "Readings",
        tabindex: "0",
        hidden: true,
      },
      h(
        "table",
        {},
        this.#caption,
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ...["Measured", "Device", "Value", "Unit"].map((name) => h("th", { scope: "col" }, name)),
          ),
        ),
        this.#rows,
      ),
    );
    this.#toggle = h(
      "button",
      {
        type: "button",
        "aria-expanded": "false",
        "aria-controls": "readings",
        click: () => this.#toggleTable(),
      },
      "Show as table",
    );
    this.#canvas.addEventListener("keydown", (event) => this.#moveCursor(event));
    this.element = h(
      "section",
      { class: "panel", "aria-labelledby": "chart-heading" },
      h(
        "div",
        { class: "row" },
        h("h2", { id: "chart-heading" }, "Over time"),
        h("div", { class: "row" }, h("label", { for: "property" }, "Show "), this.#select, this.#toggle),
      ),
      h("figure", {}, this.#key, this.#canvas, h("figcaption", {}, this.#summary, " ", this.#cursorText)),
      this.#table,
    );
    new ResizeObserver(() => this.#resize()).observe(this.#canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#shape = "";
      this.update();
    });
  }

  /** Draws what the readings say now. */
  update(): void {
    this.#updateChoices();
    const property = this.#select.value;
    const { timesSeconds, values } = this.#readings.series(property);
    const devices = this.#readings.devices.filter(({ handle }) => values.has(handle));
    setText(this.#summary, this.#readings.summary(property, formatTime));
    this.#canvas.setAttribute("aria-label", `Chart: ${this.#title(property)}. Arrow keys move along it.`);
    const shape = `${property} ${devices.map(({ handle }) => handle).join()}`;
    const data: uPlot.AlignedData = [
      [...timesSeconds],
      ...devices.map(({ handle }) => [...(values.get(handle) ?? [])]),
    ];
    if (shape !== this.#shape) this.#rebuild(shape, property, devices, data);
    else this.#plot?.setData(data);
    if (!this.#table.hidden) this.#updateTable(property);
  }

  /** The device whose light is switched keeps its place in the key, so colours do not change while one looks. */
  #rebuild(shape: string, property: string, devices: readonly NamedDevice[], data: uPlot.AlignedData): void {
    this.#shape = shape;
    this.#plot?.destroy();
    const css = getComputedStyle(document.documentElement);
    const color = (name: string) => css.getPropertyValue(name).trim();
    const axis = {
      stroke: color("--quiet"),
      grid: { stroke: color("--line"), width: 1 },
      ticks: { stroke: color("--line"), width: 1 },
    };
    const unit = unitSymbol(this.#readings.properties.get(property)?.unit);
    const steps = this.#readings.isState(property) ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
    const lines = devices.map(({ name }, index) => ({
      label: name,
      stroke: color(`--series-${(index % COLORS) + 1}`),
      width: 2,
      dash: [...(DASHES[index % DASHES.length] ?? [])],
      spanGaps: true,
      points: { size: 5 },
      ...(steps === undefined ? {} : { paths: steps }),
    }));
    this.#plot = new uPlot(
      {
        width: this.#canvas.clientWidth,
        height: 280,
        legend: { show: false },
        cursor: { drag: { x: false, y: false } },
        padding: [16, 36, 0, 0],
        scales: { y: { range: roomyRange } },
        axes: [
          {
            ...axis,
            incrs: TIME_STEPS,
            space: 90,
            values: (_, times, __, ___, step) => tickLabels(times, step),
          },
          { ...axis, size: 60, label: unit, labelSize: unit === "" ? 0 : 18, stroke: color("--quiet") },
        ],
        series: [{}, ...lines],
      },
      data,
      this.#canvas,
    );
    this.#key.replaceChildren(...devices.map(({ name }, index) => h("li", {}, keyLine(index), name)));
  }

  #updateChoices(): void {
    const wanted = [...this.#readings.properties];
    const shown = [...this.#select.options].map(({ value }) => value);
    if (wanted.map(([name]) => name).join() === shown.join()) return;
    const chosen = this.#select.value || this.#first;
    this.#select.replaceChildren(...wanted.map(([name, { title }]) => h("option", { value: name }, title)));
    if (chosen !== undefined && wanted.some(([name]) => name === chosen)) this.#select.value = chosen;
  }

  #updateTable(property: string): void {
    const names = new Map(this.#readings.devices.map(({ handle, name }) => [handle, name]));
    const readings = this.#readings.of(property).slice(-SHOWN_ROWS).toReversed();
    const unit = unitSymbol(this.#readings.properties.get(property)?.unit);
    setText(this.#caption, `${this.#title(property)}: the last ${readings.length} values, newest first`);
    this.#rows.replaceChildren(
      ...readings.map(({ handle, value, measuredAtMs }) =>
        h(
          "tr",
          {},
          h(
            "td",
            {},
            h("time", { datetime: new Date(measuredAtMs).toISOString() }, formatTime(measuredAtMs)),
          ),
          h("td", {}, names.get(handle) ?? ""),
          h("td", {}, String(value)),
          h("td", {}, unit),
        ),
      ),
    );
  }

  #toggleTable(): void {
    this.#table.hidden = !this.#table.hidden;
    this.#toggle.setAttribute("aria-expanded", String(!this.#table.hidden));
    setText(this.#toggle, this.#table.hidden ? "Show as table" : "Hide the table");
    this.update();
  }

  #moveCursor(event: KeyboardEvent): void {
    const { timesSeconds, values } = this.#readings.series(this.#select.value);
    const last = timesSeconds.length - 1;
    const from = Math.min(this.#cursor ?? last, last);
    const moves: Record<string, number> = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last };
    const wanted = moves[event.key];
    if (wanted === undefined || last < 0 || this.#plot === undefined) return;
    event.preventDefault();
    this.#cursor = Math.max(0, Math.min(last, wanted));
    const time = timesSeconds[this.#cursor] ?? 0;
    this.#plot.setCursor({ left: this.#plot.valToPos(time, "x"), top: 20 });
    const at = this.#readings.devices.flatMap(({ handle, name }) => {
      const value = values.get(handle)?.[this.#cursor ?? 0];
      return value === null || value === undefined ? [] : [`${name} ${value}`];
    });
    setText(this.#cursorText, `At ${formatTime(time * 1000)}: ${at.join(", ")}.`);
  }

  #resize(): void {
    const { clientWidth } = this.#canvas;
    if (this.#plot !== undefined && clientWidth > 0) this.#plot.setSize({ width: clientWidth, height: 280 });
  }

  #title(property: string): string {
    return this.#readings.properties.get(property)?.title ?? property;
  }
}

/** Seconds between two ticks: from one second to a month. */
const TIME_STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800,
  2_592_000,
];

/** The clock in the reader's manner; the day under the first tick and wherever it changes. */
function tickLabels(times: readonly number[], stepSeconds: number): string[] {
  let day = "";
  return times.map((seconds) => {
    const time = new Date(seconds * 1000);
    const clock = time.toLocaleTimeString(
      undefined,
      stepSeconds < 60 ? { timeStyle: "medium" } : { timeStyle: "short" },
    );
    const thisDay = time.toLocaleDateString(undefined, { day: "numeric", month: "short" });
    const label = thisDay === day ? clock : `${clock}\n${thisDay}`;
    day = thisDay;
    return label;
  });
}

/** A tenth of room above and below; a line that never moves lies in the middle. */
function roomyRange(_: uPlot, low: number | null, high: number | null): uPlot.Range.MinMax {
  if (low === null || high === null) return [0, 1];
  const room = high === low ? Math.max(1, Math.abs(high) * 0.05) : (high - low) / 10;
  return [low - room, high + room];
}

function keyLine(index: number): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 32 12");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
  const attributes = {
    x1: "0",
    x2: "32",
    y1: "6",
    y2: "6",
    stroke: `var(--series-${(index % COLORS) + 1})`,
    "stroke-width": "2.5",
  };
  for (const [name, value] of Object.entries(attributes)) line.setAttribute(name, value);
  line.setAttribute("stroke-dasharray", (DASHES[index % DASHES.length] ?? []).join(" "));
  svg.append(line);
  return svg;
}
