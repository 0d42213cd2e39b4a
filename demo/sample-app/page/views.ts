import { h } from "./dom.ts";

/** Before anything is shared: what the app asks for, why, and what it never learns. */
export function introduction(connect: () => void): HTMLElement {
  return h(
    "section",
    { class: "panel" },
    h("h1", {}, "See how your rooms are doing"),
    h(
      "p",
      {},
      "Room monitor draws what your devices measure, live, and lets you switch their lights. It asks you first:",
    ),
    h(
      "ul",
      { class: "asks" },
      ask(
        "Live values",
        "of the devices that you pick, to draw the chart and the cards. Nothing from before you agree.",
      ),
      ask("Switching lights", "only of the devices that you tick, when you press a switch here."),
      ask("Nothing else", "not your name, not your e-mail address, not what you call your devices."),
    ),
    h("p", {}, "You choose on the next pages, and can end it at any time, here or there."),
    h("button", { type: "button", class: "primary", click: connect }, "Connect your devices"),
  );
}

function ask(title: string, text: string): HTMLElement {
  return h("li", {}, h("h2", {}, title), h("p", { class: "quiet" }, text));
}

/** The connection works, and there is nothing to show yet. */
export function emptyState(hasDevices: boolean): HTMLElement {
  return h(
    "section",
    { class: "panel empty" },
    h("h2", {}, hasDevices ? "Waiting for the first value…" : "No device is shared with this app"),
    h(
      "p",
      {},
      ...(hasDevices
        ? [
            "A device sends when it is switched on. Simulated ones are switched on with ",
            h("code", {}, "npx edgenym sim run"),
            ".",
          ]
        : [
            "Disconnect and connect again to pick some. If you own none yet, make one with ",
            h("code", {}, "npx edgenym sim factory"),
            ".",
          ]),
    ),
  );
}

/** Nothing is shared any more, and nothing is shown any more. */
export function endedView(title: string, text: string, connect: () => void): HTMLElement {
  return h(
    "section",
    { class: "panel" },
    h("h1", { tabindex: "-1" }, title),
    h("p", {}, text),
    h("button", { type: "button", class: "primary", click: connect }, "Connect again"),
  );
}
