import { expect, test } from "vitest";
import { Terminal, type TerminalOptions, wantsColor } from "./terminal.ts";

function aTerminal(options: Partial<TerminalOptions> = {}, isTTY = false) {
  const written = { out: "", err: "" };
  const terminal = new Terminal({
    out: { write: (text) => (written.out += text), isTTY },
    err: { write: (text) => (written.err += text), isTTY, columns: 20 },
    json: false,
    quiet: false,
    color: false,
    ...options,
  });
  return { terminal, written };
}

test("results go to stdout, everything about how it is going to stderr", () => {
  const { terminal, written } = aTerminal();
  terminal.line("S1 room-node");
  terminal.note("1 device");
  terminal.next("npx edgenym claim", "make it yours");
  terminal.record({ name: "S1" });
  expect(written.out).toBe("S1 room-node\n");
  expect(written.err).toBe("1 device\n\nNext: npx edgenym claim  make it yours\n");
});

test("with --json there are records and nothing else, also for errors", () => {
  const { terminal, written } = aTerminal({ json: true }, true);
  terminal.line("words");
  terminal.note("words");
  terminal.status("words");
  terminal.record({ name: "S1" });
  terminal.error("it broke", "mend it");
  expect(written).toEqual({ out: '{"name":"S1"}\n{"error":"it broke","hint":"mend it"}\n', err: "" });
});

test("--quiet keeps results and errors", () => {
  const { terminal, written } = aTerminal({ quiet: true }, true);
  terminal.line("S1");
  terminal.note("words");
  terminal.status("words");
  terminal.error("it broke");
  expect(written).toEqual({ out: "S1\n", err: "✗ it broke\n" });
});

test("the status line is shown on a terminal only, rewrites itself, fits, and leaves before a note", () => {
  const quiet = aTerminal();
  quiet.terminal.status("1 of 3");
  expect(quiet.written.err).toBe("");
  const { terminal, written } = aTerminal({}, true);
  terminal.status("1 of 3");
  terminal.status("2 of 3, and more than fits");
  terminal.note("done");
  expect(written.err).toBe("\r\u001b[2K1 of 3\r\u001b[2K2 of 3, and more t…\r\u001b[2Kdone\n");
});

test.each([
  [{ NO_COLOR: "1", FORCE_COLOR: "1" }, true, false],
  [{ NO_COLOR: "" }, true, true],
  [{ FORCE_COLOR: "1" }, false, true],
  [{}, false, false],
  [{ TERM: "dumb" }, true, false],
])("colour with %j on a terminal (%s): %s", (env, isTTY, expected) => {
  expect(wantsColor(env, { write: () => true, isTTY })).toBe(expected);
});
