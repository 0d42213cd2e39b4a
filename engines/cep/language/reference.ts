import { type Extension, fullName } from "../extension.ts";
import type { Registry } from "../registry.ts";

const TITLES: Record<Extension["kind"], string> = {
  window: "Windows",
  aggregator: "Aggregators",
  function: "Functions",
  "stream-function": "Stream functions",
  source: "Sources",
  sink: "Sinks",
  mapper: "Mappings",
};

/** The calls an extension accepts, as text; optional parameters in brackets when no overloads are declared. */
export function signaturesOf(e: Extension): string[] {
  const name =
    e.kind === "window"
      ? `#window.${fullName(e)}`
      : e.kind === "stream-function"
        ? `#${fullName(e)}`
        : fullName(e);
  const typed = (parameter: string): string => {
    const p = e.parameters.find((x) => x.name === parameter);
    return p === undefined ? parameter : `${p.types.join("|")} ${p.name}`;
  };
  const calls = e.overloads ?? [e.parameters.map((p) => p.name)];
  const result = e.returns.length === 0 ? "" : ` : ${[...new Set(e.returns)].join("|")}`;
  return calls.map((call) => `${name}(${call.map(typed).join(", ")})${result}`);
}

/** The reference page of everything in the registry, as Markdown. */
export function referenceMarkdown(registry: Registry): string {
  const lines = [
    "# Rules: reference",
    "",
    "Made from the registry by `engines/cep/language/reference.ts`. Do not edit.",
    "",
  ];
  for (const [kind, title] of Object.entries(TITLES)) {
    const list = registry
      .all()
      .filter((e) => e.kind === kind)
      .sort((a, b) => fullName(a).localeCompare(fullName(b)));
    lines.push(`## ${title}`, "");
    for (const e of list) lines.push(...entry(e));
  }
  return `${lines.join("\n").trimEnd()}\n`;
}

function entry(e: Extension): string[] {
  const lines = [`### ${fullName(e)}`, "", e.description, ""];
  if (e.kind !== "source" && e.kind !== "sink" && e.kind !== "mapper")
    lines.push(...signaturesOf(e).map((s) => `    ${s}`), "");
  if (e.parameters.length > 0) {
    lines.push("| parameter | types | meaning |", "| --- | --- | --- |");
    for (const p of e.parameters) {
      const notes = [
        p.isOptional === true ? "optional" : "",
        p.default === undefined ? "" : `default ${p.default}`,
        p.isDynamic === true || e.kind === "source" || e.kind === "sink" ? "" : "constant",
      ];
      const extra = notes.filter(Boolean).join(", ");
      lines.push(
        `| ${p.name} | ${p.types.join(", ")} | ${p.description}${extra === "" ? "" : ` (${extra})`} |`,
      );
    }
    lines.push("");
  }
  for (const x of e.examples) lines.push(`    ${x.syntax}`, "", x.description, "");
  return lines;
}
