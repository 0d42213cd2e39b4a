import { App, type AppConnection, type AppGrant, type AppStatus, ConsentError } from "../../../sdk/app.ts";
import { Chart } from "./chart.ts";
import { DevicePanel } from "./device-panel.ts";
import { h, setText } from "./dom.ts";
import { Readings } from "./readings.ts";
import { RoomPanel, roomDevicesOf } from "./room-panel.ts";
import { formatDay } from "./times.ts";
import { emptyState, endedView, introduction } from "./views.ts";

const PURPOSE = "To draw your rooms' values as a chart, and to switch their lights when you press a switch";

/** The page as a whole: which of its views is shown, and what the connection feeds into it. */
class RoomMonitor {
  readonly #app: App;
  readonly #readings = new Readings();
  readonly #presence = new Map<string, string>();
  readonly #view = found("view");
  readonly #status = found("status");
  #panels = new Map<string, DevicePanel>();
  #room: RoomPanel | undefined;
  #chart: Chart | undefined;
  #connection: AppConnection | undefined;
  #expiresAt: Date | undefined;
  #drawIsDue = false;
  #leaves = false;

  constructor(gateway: string) {
    const redirectUri = new URL("/", location.href).href;
    this.#app = new App({ gateway, redirectUri, appName: "Room monitor" });
    setInterval(() => this.#draw(), 5000); // ages and staleness
  }

  /** Takes the answer of a consent out of the address, if there is one, and shows what there is to show. */
  async start(): Promise<void> {
    const here = new URL(location.href);
    try {
      if (here.searchParams.has("state")) this.#say("Finishing the connection…");
      await this.#app.complete(here);
    } catch (error) {
      if (!(error instanceof ConsentError)) throw error;
      this.#end(...refusalWords(error.code));
      return;
    } finally {
      history.replaceState(null, "", here.pathname);
    }
    if (this.#app.isGranted) this.#goLive();
    else this.#introduce();
  }

  #introduce(): void {
    this.#say("Not connected. This app sees nothing.");
    this.#view.replaceChildren(introduction(() => void this.#connect()));
  }

  async #connect(): Promise<void> {
    this.#say("Asking the platform…");
    try {
      location.assign(
        await this.#app.begin({ actions: ["read", "command"], purpose: PURPOSE, duration: "P30D" }),
      );
    } catch {
      this.#say("The platform does not answer. Is it running? Try again in a moment.", true);
    }
  }

  #goLive(): void {
    this.#say("Connecting…");
    this.#view.replaceChildren(emptyState(true));
    this.#connection = this.#app.connect({
      onStatus: (status) => this.#onStatus(status),
      onGrant: (grant) => this.#onGrant(grant),
      onSample: (sample) => {
        this.#readings.add(sample);
        this.#drawSoon();
      },
      onPresence: (handle, state) => {
        this.#presence.set(handle, state);
        this.#drawSoon();
      },
    });
  }

  #onStatus(status: AppStatus): void {
    if (this.#leaves) return;
    switch (status) {
      case "online":
        this.#say(this.#onlineWords());
        break;
      case "offline":
        this.#say("The connection is lost; trying again. What you see may be old.", true);
        break;
      case "connecting":
        break;
      case "ended":
        this.#end(
          "Your access has ended",
          "You, or the platform on your behalf, ended what this app may see. The values that were here have been removed.",
        );
    }
  }

  #onGrant(grant: AppGrant): void {
    this.#expiresAt = grant.expiresAt;
    this.#readings.setGrant(grant);
    this.#say(this.#onlineWords());
    this.#buildLive();
  }

  #buildLive(): void {
    const { devices } = this.#readings;
    const heading = h("div", { class: "row title" }, h("h1", {}, "Your rooms"), this.#disconnectButton());
    const room = roomDevicesOf(devices);
    this.#room = room === undefined ? undefined : new RoomPanel(room, this.#readings, () => this.#connection);
    this.#panels = new Map(
      devices
        .filter((device) => device !== room?.sign && device !== room?.counter)
        .map((device) => [device.handle, new DevicePanel(device, this.#readings, () => this.#connection)]),
    );
    if (devices.length === 0) {
      this.#chart = undefined;
      this.#view.replaceChildren(heading, emptyState(false));
      return;
    }
    this.#chart ??= new Chart(this.#readings, room === undefined ? undefined : "people");
    this.#view.replaceChildren(
      heading,
      ...(this.#room === undefined ? [] : [this.#room.element]),
      this.#chart.element,
      ...[...this.#panels.values()].map(({ element }) => element),
    );
    this.#draw();
  }

  #disconnectButton(): HTMLElement {
    return h(
      "button",
      { type: "button", class: "danger", click: () => void this.#disconnect() },
      "Disconnect",
    );
  }

  async #disconnect(): Promise<void> {
    this.#leaves = true;
    this.#say("Ending the access…");
    try {
      await this.#app.disconnect();
      this.#end(
        "Disconnected",
        "This app's access has been ended at the platform. The values that were here have been removed.",
      );
    } catch {
      this.#end(
        "Disconnected here",
        "This page has forgotten everything, but the platform could not be told. End the access there as well, under My apps.",
      );
    }
  }

  /** Whatever ended it: nothing that was shown stays. */
  #end(title: string, text: string): void {
    this.#readings.clear();
    this.#presence.clear();
    this.#panels.clear();
    this.#room = undefined;
    this.#chart = undefined;
    this.#connection = undefined;
    this.#leaves = false;
    this.#say(`${title}. This app sees nothing.`);
    const view = endedView(title, text, () => void this.#connect());
    this.#view.replaceChildren(view);
    view.querySelector("h1")?.focus();
  }

  #drawSoon(): void {
    if (this.#drawIsDue) return;
    this.#drawIsDue = true;
    requestAnimationFrame(() => {
      this.#drawIsDue = false;
      this.#draw();
    });
  }

  #draw(): void {
    const nowMs = Date.now();
    for (const [handle, panel] of this.#panels) {
      panel.setPresence(this.#presence.get(handle));
      panel.update(nowMs);
    }
    this.#room?.update(nowMs);
    this.#chart?.update();
  }

  #onlineWords(): string {
    const until = this.#expiresAt === undefined ? "" : `, until ${formatDay(this.#expiresAt)}`;
    return `Connected${until}. Values arrive as they are measured.`;
  }

  #say(text: string, isCare = false): void {
    setText(this.#status, text);
    this.#status.dataset.kind = isCare ? "care" : "plain";
  }
}

function refusalWords(code: string): readonly [string, string] {
  if (code === "access_denied") return ["You said no", "Nothing was shared, and nothing was kept."];
  return [
    "That did not work",
    `The platform's answer could not be used (${code}). Nothing was shared; you can try again.`,
  ];
}

function found(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

async function readGateway(): Promise<string> {
  const json: unknown = await (await fetch("/config.json")).json();
  const gateway: unknown = typeof json === "object" && json !== null && Reflect.get(json, "gateway");
  if (typeof gateway !== "string") throw new Error("config.json names no gateway");
  return gateway;
}

try {
  await new RoomMonitor(await readGateway()).start();
} catch {
  const status = found("status");
  status.dataset.kind = "care";
  setText(status, "The platform does not answer. Is it running? Reload this page in a moment.");
}
