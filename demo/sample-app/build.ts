import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** The files of the page that are made from source; the rest is served as it lies in `page/`. */
export interface PageBundle {
  readonly "main.js": Uint8Array;
  readonly "main.css": Uint8Array;
}

/**
 * Bundles the page's script and style with esbuild, in memory.
 * @throws esbuild's own error, which names file and line, when the source is wrong.
 */
export async function bundlePage(): Promise<PageBundle> {
  const page = (name: string) => fileURLToPath(new URL(`page/${name}`, import.meta.url));
  const { outputFiles } = await build({
    entryPoints: [
      { in: page("main.ts"), out: "main" },
      { in: page("style.css"), out: "main" },
    ],
    bundle: true,
    write: false,
    outdir: "out",
    format: "esm",
    platform: "browser",
    target: ["es2024", "chrome125", "firefox128", "safari17.4"],
    minify: true,
    legalComments: "none",
    logLevel: "silent",
  });
  const file = (end: string): Uint8Array => {
    const found = outputFiles.find(({ path }) => path.endsWith(end));
    if (found === undefined) throw new Error(`the bundle has no ${end}`);
    return found.contents;
  };
  return { "main.js": file("main.js"), "main.css": file("main.css") };
}
