import { CepError } from "../cep/cep-error.ts";
import { appOfRule, type RuleTemplate, type RuleValues, ruleTemplates } from "../cep/rules/templates.ts";

/** Which of the owner's things a ready-made rule listens to. */
export interface ReadyMadeSource {
  readonly property?: string | undefined;
  readonly event?: string | undefined;
  /** The owner's name for one device, or its handle; without it, all. */
  readonly device?: string | undefined;
}

/** The ready-made rules as forms: which parameters each takes, and what a source has to give it. */
export function readyMadeRules(): readonly Omit<RuleTemplate, "app">[] {
  return ruleTemplates.map(({ app: _, parameters, ...rest }) => ({
    ...rest,
    // Names inside the text are of no interest to who fills in a form.
    parameters: parameters.filter(({ kind }) => kind !== "attribute" && kind !== "stream"),
  }));
}

const text = /^[^'"\\\p{Cc}{}]{1,120}$/u;

/**
 * The text of a ready-made rule, with the owner's things as its source.
 * @throws CepError `NOT_FOUND`, or `WRONG_PARAMETERS` that names what is wrong
 */
export function readyMadeRule(id: string, values: RuleValues, from: ReadyMadeSource): string {
  const app = appOfRule(id, { ...values, ...names(id) });
  for (const [name, value] of Object.entries(from)) {
    if (value !== undefined && !text.test(value)) {
      throw new CepError("WRONG_PARAMETERS", `'${name}' must be a text without quotes or braces`);
    }
  }
  const options = Object.entries(from).flatMap(([name, value]) =>
    value === undefined ? [] : [`, ${name}='${value}'`],
  );
  const source = `@source(type='things'${options.join("")}, ${mappings[id] ?? senml})\n`;
  // The measurements are what each of them defines first.
  return app.replace(/^define stream /m, `${source}define stream `);
}

const senml = "@map(type='senml')";
const mappings: Readonly<Record<string, string>> = {
  geofence: "@map(type='json')",
  occupancy: "@map(type='senml', @attributes(room='name', motion='value'))",
  "energy-per-day": "@map(type='senml', @attributes(device='device', power='value'))",
};

/** The attributes are called as a source calls them. */
function names(id: string): RuleValues {
  const known: Record<string, string> = { stream: "Measurements", device: "device", value: "value" };
  const template = ruleTemplates.find((candidate) => candidate.id === id);
  return Object.fromEntries(
    (template?.parameters ?? []).flatMap(({ name, kind }) =>
      (kind === "attribute" || kind === "stream") && known[name] !== undefined ? [[name, known[name]]] : [],
    ),
  );
}
