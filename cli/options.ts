import { InvalidArgumentError } from "commander";

/** For options that count something: 1, 2, 3, … */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("It must be a whole number above 0.");
  return value;
}

/** For options that are a speed, a rate or a time. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError("It must be a number above 0.");
  return value;
}

/** What `--help` begins with. */
export function examples(...lines: readonly string[]): string {
  return `Example:\n${lines.map((line) => `  $ npx edgenym ${line}`).join("\n")}\n`;
}
