import { CepError } from "./cep-error.ts";
import type { Attribute } from "./event.ts";
import { type Annotation, annotationOf, elementOf } from "./parser/ast.ts";
import { timeOf } from "./parser/parse-expression.ts";
import { TokenStream } from "./parser/token-stream.ts";
import type { Registry } from "./registry.ts";
import type { IdleAdvance } from "./runtime/time-keeper.ts";

function wrong(annotation: Annotation, message: string, expected: string[] = []): never {
  throw new CepError("WRONG_ANNOTATION", message, {
    offset: annotation.start,
    length: annotation.end - annotation.start,
    expected,
  });
}

/** @throws CepError `WRONG_ANNOTATION` on app annotations that cannot be. */
export function checkAppAnnotations(annotations: readonly Annotation[]): void {
  const isAsync = annotationOf(annotations, "app:async");
  if (isAsync !== undefined)
    wrong(isAsync, "'@app:async' is not supported: put '@async' on the streams", ["@async"]);
  playbackOf(annotations);
}

/** The app's name, if it gives one. */
export function appNameOf(annotations: readonly Annotation[]): string | undefined {
  return elementOf(annotationOf(annotations, "app:name"));
}

/** `@app:playback(idle.time='100 millisec', increment='2 sec')`. @throws CepError `WRONG_ANNOTATION` */
export function playbackOf(annotations: readonly Annotation[]): {
  isPlayback: boolean;
  idle: IdleAdvance | undefined;
} {
  const annotation = annotationOf(annotations, "app:playback");
  if (annotation === undefined) return { isPlayback: false, idle: undefined };
  const idle = elementOf(annotation, "idle.time");
  const increment = elementOf(annotation, "increment");
  if (idle === undefined && increment === undefined) {
    if (annotation.elements.length > 0)
      wrong(annotation, "@app:playback takes 'idle.time' and 'increment'", ["idle.time", "increment"]);
    return { isPlayback: true, idle: undefined };
  }
  if (idle === undefined || increment === undefined)
    wrong(annotation, "'idle.time' and 'increment' go together", ["idle.time", "increment"]);
  const idleMs = msOf(idle) ?? wrong(annotation, `'${idle}' is no time`);
  const incrementMs = msOf(increment) ?? wrong(annotation, `'${increment}' is no time`);
  return { isPlayback: true, idle: { idleMs, incrementMs } };
}

function msOf(text: string): number | undefined {
  return /^\d+$/.test(text.trim()) ? Number(text) : timeOf(text, (t) => new TokenStream(t));
}

/** Checks `@async`, `@source` and `@sink` with their mappings. @throws CepError */
export function checkStreamAnnotations(
  annotations: readonly Annotation[],
  attributes: readonly Attribute[],
  registry: Registry,
): void {
  for (const annotation of annotations) {
    const name = annotation.name.toLowerCase();
    if (name === "async") checkAsync(annotation);
    else if (name === "source" || name === "sink") checkConnector(annotation, name, attributes, registry);
  }
}

function checkAsync(annotation: Annotation): void {
  for (const key of ["buffer.size", "workers", "batch.size.max"]) {
    const value = elementOf(annotation, key);
    if (value !== undefined && (!/^\d+$/.test(value) || Number(value) < 1))
      wrong(annotation, `'${key}' must be a whole number above 0`);
  }
}

function checkConnector(
  annotation: Annotation,
  kind: "source" | "sink",
  attributes: readonly Attribute[],
  registry: Registry,
): void {
  const type = elementOf(annotation, "type") ?? wrong(annotation, `@${kind} needs a 'type'`, ["type"]);
  const extension = registry.find(kind, "", type) ?? registry.unknown(kind, "", type, annotation);
  for (const p of extension.parameters) {
    if (p.isOptional !== true && elementOf(annotation, p.name) === undefined)
      wrong(annotation, `@${kind}(type='${type}') needs '${p.name}'`, [p.name]);
  }
  if ((extension.kind === "source" || extension.kind === "sink") && extension.isClosed === true) {
    const names = ["type", ...extension.parameters.map(({ name }) => name)];
    const unknown = annotation.elements.find(({ key }) => !names.includes(key?.toLowerCase() ?? ""));
    if (unknown !== undefined)
      wrong(annotation, `@${kind}(type='${type}') has no '${unknown.key ?? unknown.value}'`, names);
  }
  const map = annotationOf(annotation.annotations, "map");
  const mapType = elementOf(map, "type");
  if (map !== undefined && mapType === undefined) wrong(map, "@map needs a 'type'", ["type"]);
  if (mapType !== undefined && registry.find("mapper", "", mapType) === undefined)
    registry.unknown("mapper", "", mapType, annotation);
  const mapped = annotationOf(map?.annotations ?? [], "attributes");
  if (mapped === undefined) return;
  const positional = mapped.elements.filter((e) => e.key === undefined).length;
  if (positional > 0 && positional !== attributes.length) {
    wrong(
      mapped,
      `@attributes lists ${positional} of ${attributes.length} attributes`,
      attributes.map((a) => a.name),
    );
  }
}
