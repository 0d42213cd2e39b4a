/**
 * Lets nothing onto the console but finished lines of our own log (engines/log/log.ts). ldapts writes every bind DN
 * and filter through `util.debuglog`, which workerd never switches off; other packages may do the like.
 *
 * It asks what a line is and not where it comes from, so a package's new way to talk is silent as well. Import it
 * before whatever has to be silent. To be dropped when workerd heeds NODE_DEBUG.
 */
const OURS = /^\{"at":"[0-9TZ:.-]+","level":"(?:info|warn|error)","worker":"/;

for (const name of ["log", "info", "debug", "warn", "error", "trace"] as const) {
  const write = console[name].bind(console);
  console[name] = (...parts: unknown[]) => {
    const [line] = parts;
    if (parts.length === 1 && typeof line === "string" && OURS.test(line)) write(line);
  };
}
