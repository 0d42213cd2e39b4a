import { CepError } from "../cep-error.ts";
import { CURRENT, type Ev } from "../event.ts";
import type { Compiled } from "../expression/compiled.ts";
import type {
  ParameterSpec,
  StreamFunctionContext,
  StreamFunctionExtension,
  StreamFunctionRun,
} from "../extension.ts";
import type { Span } from "../parser/ast.ts";
import { clusteringFunctions } from "./clustering.ts";
import { bounded, constant, constantsAt, doubles, FEATURE, featuresOf, NUMBER, wrong } from "./features.ts";
import { type Learner, LinearModel, Perceptron } from "./learners.ts";

const MODEL: ParameterSpec = {
  name: "model.name",
  types: ["string"],
  description: "The model's name, one for the whole app.",
};
const nameOf = (arg: Compiled | undefined): string => String(arg?.constant?.value ?? "");

/** The model of a name for those who learn; made by the first of them. @throws CepError `WRONG_PARAMETERS` */
function learnerOf<T extends Learner>(
  kind: new (features: number) => T,
  { models, inner }: StreamFunctionContext,
  name: string,
  features: number,
  at: Span,
): T {
  if (inner !== undefined)
    throw new CepError("NOT_SUPPORTED", "A partition's queries cannot teach a model: it is the app's", {
      offset: at.start,
      length: at.end - at.start,
      suggestion: "teach it in a query outside of the partition",
    });
  const known = models.get(name);
  if (known === undefined) {
    const learner = new kind(features);
    models.set(name, { learner, features });
    return learner;
  }
  return fitting(kind, known, name, features, at);
}

function fitting<T extends Learner>(
  kind: new (features: number) => T,
  known: { readonly learner: Learner; readonly features: number },
  name: string,
  features: number,
  at: Span,
): T {
  if (!(known.learner instanceof kind)) wrong(at, `'${name}' is a model of another kind`);
  if (known.features !== features) wrong(at, `'${name}' has ${known.features} features, not ${features}`);
  return known.learner as T; // an instance of `kind`: checked above
}

/** The model of a name for those who ask it. @throws CepError `WRONG_PARAMETERS` when nobody teaches it before. */
function modelOf<T extends Learner>(
  kind: new (features: number) => T,
  { models }: StreamFunctionContext,
  name: string,
  features: number,
  at: Span,
  teacher: string,
): T {
  const known = models.get(name);
  if (known === undefined)
    return wrong(
      at,
      `No query before this one teaches the model '${name}'`,
      `streamingml:${teacher}('${name}', …)`,
    );
  return fitting(kind, known, name, features, at);
}

/** Learns from new events; the model is saved with the query that teaches it. */
function teaching(learner: Learner, apply: (e: Ev) => unknown[]): () => StreamFunctionRun {
  return () => ({ apply, save: () => learner.save(), load: (saved) => learner.load(saved) });
}

const updatePerceptronClassifier: StreamFunctionExtension = {
  kind: "stream-function",
  namespace: "streamingml",
  name: "updatePerceptronClassifier",
  description: "Teaches a perceptron one example an event; adds its weights (weight1, weight2, …).",
  parameters: [
    MODEL,
    {
      name: "model.label",
      types: ["bool", "string"],
      description: "True or 'true' for one class.",
      isDynamic: true,
    },
    constant("learning.rate", "double", "How far an error moves the weights.", "0.1"),
    FEATURE,
  ],
  overloads: [
    ["model.name", "model.label", "learning.rate", "model.feature", "..."],
    ["model.name", "model.label", "model.feature", "..."],
  ],
  returns: ["double"],
  examples: [
    {
      syntax:
        "from S#streamingml:updatePerceptronClassifier('open', isOpen, temp, kwh) select * insert into Taught;",
      description: "Learns from temp and kwh whether a window is open.",
    },
  ],
  create(args, at, context) {
    const [name, label] = args;
    const rates = constantsAt(args, 2, "double", 1);
    const rate = bounded(rates[0], 0.1, 0, 1, at);
    const features = featuresOf(args.slice(2 + rates.length), at);
    const model = learnerOf(Perceptron, context, nameOf(name), features.count, at);
    const isTrue = (value: unknown) => value === true || String(value).toLowerCase() === "true";
    return {
      attributes: doubles(args.slice(2 + rates.length).map((_, i) => `weight${i + 1}`)),
      make: teaching(model, (e) => {
        const x = features.of(e);
        const value = label?.fn(e) ?? null;
        if (e.type === CURRENT && x !== null && value !== null) model.update(isTrue(value), x, rate);
        return [...model.weights];
      }),
    };
  },
};

const perceptronClassifier: StreamFunctionExtension = {
  kind: "stream-function",
  namespace: "streamingml",
  name: "perceptronClassifier",
  description: "Adds what a perceptron takes an event for (prediction) and how strongly (confidenceLevel).",
  parameters: [
    MODEL,
    constant("model.bias", "double", "Added to the weighted sum.", "0.0"),
    constant("model.threshold", "double", "Above it the prediction is true.", "0.5"),
    FEATURE,
  ],
  overloads: [
    ["model.name", "model.bias", "model.threshold", "model.feature", "..."],
    ["model.name", "model.bias", "model.feature", "..."],
    ["model.name", "model.feature", "..."],
  ],
  returns: ["bool", "double"],
  examples: [
    {
      syntax:
        "from S#streamingml:updatePerceptronClassifier('open', isOpen, temp, kwh) select room insert into Taught; from S#streamingml:perceptronClassifier('open', temp, kwh) select room, prediction insert into Out;",
      description: "Whether a window is likely open.",
    },
  ],
  create(args, at, context) {
    const tuned = constantsAt(args, 1, "double", 2);
    const bias = bounded(tuned[0], 0, 0, 1, at);
    const threshold = bounded(tuned[1], 0.5, 0, 1, at);
    const features = featuresOf(args.slice(1 + tuned.length), at);
    const model = modelOf(
      Perceptron,
      context,
      nameOf(args[0]),
      features.count,
      at,
      "updatePerceptronClassifier",
    );
    return {
      attributes: [{ name: "prediction", type: "bool" }, ...doubles(["confidenceLevel"])],
      apply: (e) => {
        const x = features.of(e);
        if (x === null) return [null, null];
        const value = model.evaluate(x) + bias;
        return [value > threshold, value];
      },
    };
  },
};

const updateLinearRegression: StreamFunctionExtension = {
  kind: "stream-function",
  namespace: "streamingml",
  name: "updateLinearRegression",
  description: "Teaches a linear model (recursive least squares); adds how far off it was before (loss).",
  parameters: [
    MODEL,
    { name: "model.target", types: NUMBER, description: "The value to learn.", isDynamic: true },
    constant("forgetting", "double", "1.0 keeps all examples, less lets old ones fade.", "1.0"),
    FEATURE,
  ],
  overloads: [
    ["model.name", "model.target", "forgetting", "model.feature", "..."],
    ["model.name", "model.target", "model.feature", "..."],
  ],
  returns: ["double"],
  examples: [
    {
      syntax:
        "from S#streamingml:updateLinearRegression('heating', kwh, 0.99, temp, price) select loss insert into Taught;",
      description: "Learns what heating takes.",
    },
  ],
  create(args, at, context) {
    const [name, target] = args;
    const tuned = constantsAt(args, 2, "double", 1);
    const forgetting = bounded(tuned[0], 1, 0.5, 1, at);
    const features = featuresOf(args.slice(2 + tuned.length), at);
    const model = learnerOf(LinearModel, context, nameOf(name), features.count, at);
    return {
      attributes: doubles(["loss"]),
      make: teaching(model, (e) => {
        const x = features.of(e);
        const value = target?.fn(e) ?? null;
        if (x === null || value === null) return [null];
        const loss = (Number(value) - model.predict(x)) ** 2;
        if (e.type === CURRENT) model.update(Number(value), x, forgetting);
        return [loss];
      }),
    };
  },
};

const linearRegression: StreamFunctionExtension = {
  kind: "stream-function",
  namespace: "streamingml",
  name: "linearRegression",
  description: "Adds what a linear model expects (prediction).",
  parameters: [MODEL, FEATURE],
  overloads: [["model.name", "model.feature", "..."]],
  returns: ["double"],
  examples: [
    {
      syntax:
        "from S#streamingml:updateLinearRegression('heating', kwh, temp) select loss insert into Taught; from S#streamingml:linearRegression('heating', temp) select prediction insert into Out;",
      description: "What heating should take.",
    },
  ],
  create(args, at, context) {
    const features = featuresOf(args.slice(1), at);
    const model = modelOf(
      LinearModel,
      context,
      nameOf(args[0]),
      features.count,
      at,
      "updateLinearRegression",
    );
    return {
      attributes: doubles(["prediction"]),
      apply: (e) => {
        const x = features.of(e);
        return [x === null ? null : model.predict(x)];
      },
    };
  },
};

/** The `streamingml:` namespace: models that learn an event at a time, deterministic and of a fixed size. */
export const streamingMlFunctions: readonly StreamFunctionExtension[] = [
  updatePerceptronClassifier,
  perceptronClassifier,
  updateLinearRegression,
  linearRegression,
  ...clusteringFunctions,
];
