import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

/** One value of one node at one time. */
export interface TraceSample {
  /** The node's name in the trace: `S1` … `S7`. */
  readonly node: string;
  readonly property: string;
  readonly value: number;
  /** Seconds since 1970; the trace's own date and time read as UTC. */
  readonly timeSeconds: number;
}

/** One line of a trace: everything that was measured at that time. */
export interface TraceRow {
  readonly timeSeconds: number;
  readonly samples: readonly TraceSample[];
  /** How many people were in the room, counted by hand; absent where nobody counted. */
  readonly people?: number;
}

/** What can be played: rows in the order of their times. */
export interface TraceRows {
  /** @param skip how many rows to leave out at the beginning. */
  rows(skip?: number): AsyncIterable<TraceRow>;
}

/** A trace that cannot be read as one; says in which line. */
export class TraceError extends Error {
  override readonly name = "TraceError";
}

interface Column {
  readonly index: number;
  readonly node: string;
  readonly property: string;
}

/** The column names of the room-occupancy trace, and the properties they are. */
const PROPERTIES: Readonly<Record<string, string>> = {
  Temp: "temperature",
  Light: "light",
  Sound: "sound",
  CO2: "co2",
  PIR: "motion",
};

/** Which product each kind of node is: the one that has its first property. */
const PRODUCTS: Readonly<Record<string, string>> = {
  temperature: "room-node",
  light: "room-node",
  sound: "room-node",
  co2: "co2-node",
  motion: "motion-node",
};

/** The nodes of a trace, with the product each of them is, in the order of their columns. */
export type TraceNodes = ReadonlyMap<string, string>;

/** A trace file: a CSV with `Date`, `Time` and columns such as `S1_Temp`. It is streamed, never held as a whole. */
export class Trace implements TraceRows {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** @throws TraceError when there is no such file or its first line names no node. */
  async nodes(): Promise<TraceNodes> {
    for await (const line of lines(this.path)) {
      const products = new Map<string, string>();
      for (const { node, property } of parseHeader(line).columns)
        products.set(node, PRODUCTS[property] ?? "room-node");
      return products;
    }
    throw new TraceError(`${this.path} is empty`);
  }

  /**
   * The rows in file order; blank lines are passed over.
   * @throws TraceError at the first line that is no measurement.
   */
  async *rows(skip = 0): AsyncGenerator<TraceRow> {
    let header: Header | undefined;
    let number = 0;
    let skipped = 0;
    for await (const line of lines(this.path)) {
      number += 1;
      if (header === undefined) header = parseHeader(line);
      else if (line.trim() === "") continue;
      else if (skipped < skip) skipped += 1;
      else yield parseRow(line, header, number);
    }
  }
}

interface Header {
  readonly date: number;
  readonly time: number;
  /** The column of the head count; -1 where there is none. */
  readonly people: number;
  readonly columns: readonly Column[];
}

async function* lines(path: string): AsyncGenerator<string> {
  const file = createReadStream(path, "utf8");
  try {
    yield* createInterface({ input: file, crlfDelay: Number.POSITIVE_INFINITY });
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, "code") === "ENOENT") {
      throw new TraceError(`there is no file ${path}`, { cause: error });
    }
    throw error;
  } finally {
    file.destroy();
  }
}

function parseHeader(line: string): Header {
  const names = line
    .replace(/^\uFEFF/, "")
    .split(",")
    .map((name) => name.trim());
  const date = names.indexOf("Date");
  const time = names.indexOf("Time");
  const people = names.indexOf("Room_Occupancy_Count");
  const columns = names.flatMap((name, index) => {
    const [, node, kind = ""] = /^(S\d+)_(\w+)$/.exec(name) ?? [];
    const property = PROPERTIES[kind];
    return node === undefined || property === undefined ? [] : [{ index, node, property }];
  });
  if (date < 0 || time < 0 || columns.length === 0) {
    throw new TraceError("line 1: expected Date, Time and columns such as S1_Temp");
  }
  return { date, time, people, columns };
}

function parseRow(line: string, { date, time, people, columns }: Header, number: number): TraceRow {
  const cells = line.split(",").map((cell) => cell.trim());
  const day = (cells[date] ?? "").replaceAll("/", "-");
  const timeSeconds = Date.parse(`${day}T${cells[time]}Z`) / 1000;
  if (!/^\d{4}-\d\d-\d\d$/.test(day) || !Number.isFinite(timeSeconds)) {
    throw new TraceError(`line ${number}: no date and time`);
  }
  const numberAt = (index: number) => {
    const cell = cells[index];
    const value = Number(cell);
    if (cell === undefined || cell === "" || !Number.isFinite(value)) {
      throw new TraceError(`line ${number}: column ${index + 1} is not a number`);
    }
    return value;
  };
  const samples = columns.map(({ index, node, property }) => ({
    node,
    property,
    value: numberAt(index),
    timeSeconds,
  }));
  return { timeSeconds, samples, ...(people < 0 ? {} : { people: numberAt(people) }) };
}
