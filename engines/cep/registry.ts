import { max, maxForever, min, minForever } from "./aggregators/extremes.ts";
import { andAggregator, distinctCount, first, last, orAggregator, unionSet } from "./aggregators/sets.ts";
import { avg, count, stdDev, sum } from "./aggregators/sums.ts";
import { CepError, suggest } from "./cep-error.ts";
import { connectors } from "./connectors.ts";
import {
  type AggregatorExtension,
  type Extension,
  type FunctionExtension,
  fullName,
  type StreamFunctionExtension,
  type WindowExtension,
} from "./extension.ts";
import { coreFunctions } from "./functions/core-functions.ts";
import { geoFunctions } from "./functions/geo.ts";
import { groupConcat } from "./functions/group-concat.ts";
import { mathFunctions } from "./functions/math-functions.ts";
import { percentile } from "./functions/percentile.ts";
import { streamFunctions } from "./functions/stream-functions.ts";
import { streamingMlFunctions } from "./functions/streaming-ml.ts";
import { stringFunctions } from "./functions/string-functions.ts";
import { timeFunctions } from "./functions/time-functions.ts";
import { timeseriesFunctions } from "./functions/timeseries.ts";
import { tokenize } from "./functions/tokenize.ts";
import type { Span } from "./parser/ast.ts";
import { batchWindow, lengthBatchWindow, timeBatchWindow } from "./windows/batch.ts";
import { expressionBatchWindow, expressionWindow } from "./windows/by-expression.ts";
import { delayWindow } from "./windows/delay.ts";
import { externalTimeWindow } from "./windows/external-time.ts";
import { externalTimeBatchWindow } from "./windows/external-time-batch.ts";
import { frequentWindow, lossyFrequentWindow, sortWindow } from "./windows/ranking.ts";
import { sessionWindow } from "./windows/session.ts";
import { lengthWindow, timeLengthWindow, timeWindow } from "./windows/sliding.ts";
import { cronWindow, hoppingWindow } from "./windows/timed-batches.ts";

const aggregators: readonly AggregatorExtension[] = [
  sum,
  avg,
  count,
  min,
  max,
  minForever,
  maxForever,
  stdDev,
  distinctCount,
  andAggregator,
  orAggregator,
  unionSet,
  first,
  last,
  groupConcat,
  percentile,
];

const windows: readonly WindowExtension[] = [
  lengthWindow,
  timeWindow,
  timeLengthWindow,
  externalTimeWindow,
  delayWindow,
  lengthBatchWindow,
  timeBatchWindow,
  batchWindow,
  externalTimeBatchWindow,
  sessionWindow,
  sortWindow,
  frequentWindow,
  lossyFrequentWindow,
  cronWindow,
  hoppingWindow,
  expressionWindow,
  expressionBatchWindow,
];

/** The one place where every function, aggregator, window, stream function and connector is known by name. */
export class Registry {
  readonly #byKind = new Map<string, Extension>();

  constructor(extensions: readonly Extension[] = []) {
    for (const e of [
      ...coreFunctions,
      ...stringFunctions,
      ...mathFunctions,
      ...timeFunctions,
      ...geoFunctions,
      ...aggregators,
      ...windows,
      ...streamFunctions,
      tokenize,
      ...timeseriesFunctions,
      ...streamingMlFunctions,
      ...connectors,
      ...extensions,
    ]) {
      this.#byKind.set(`${e.kind} ${fullName(e)}`, e);
    }
  }

  all(): Extension[] {
    return [...this.#byKind.values()];
  }

  find(kind: Extension["kind"], namespace: string, name: string): Extension | undefined {
    return this.#byKind.get(`${kind} ${fullName({ namespace, name })}`);
  }

  function(namespace: string, name: string): FunctionExtension | undefined {
    const found = this.find("function", namespace, name);
    return found?.kind === "function" ? found : undefined;
  }

  aggregator(namespace: string, name: string): AggregatorExtension | undefined {
    const found = this.find("aggregator", namespace, name);
    return found?.kind === "aggregator" ? found : undefined;
  }

  /** @throws CepError `UNKNOWN_EXTENSION` with the nearest name. */
  window(namespace: string, name: string, at: Span): WindowExtension {
    const found = this.find("window", namespace, name);
    if (found?.kind === "window") return found;
    return this.unknown("window", namespace, name, at);
  }

  /** @throws CepError `UNKNOWN_EXTENSION` with the nearest name. */
  streamFunction(namespace: string, name: string, at: Span): StreamFunctionExtension {
    const found = this.find("stream-function", namespace, name);
    if (found?.kind === "stream-function") return found;
    return this.unknown("stream-function", namespace, name, at);
  }

  /** @throws CepError `UNKNOWN_FUNCTION` for functions, else `UNKNOWN_EXTENSION`. */
  unknown(kind: Extension["kind"], namespace: string, name: string, at: Span): never {
    const wanted = fullName({ namespace, name });
    const names = this.all()
      .filter((e) => e.kind === kind || (kind === "function" && e.kind === "aggregator"))
      .map(fullName);
    throw new CepError(
      kind === "function" ? "UNKNOWN_FUNCTION" : "UNKNOWN_EXTENSION",
      `There is no ${kind} '${wanted}'`,
      {
        offset: at.start,
        length: at.end - at.start,
        suggestion: suggest(wanted, names),
      },
    );
  }
}
