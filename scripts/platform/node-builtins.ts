import { builtinModules } from "node:module";
import type { Plugin } from "esbuild";

/**
 * Lets code that was written for Node run in workerd under `nodejs_compat`, as `wrangler deploy` does: `crypto`
 * means `node:crypto`, and a `require` of either becomes an import, since workerd has no `require`.
 */
export const nodeBuiltins: Plugin = {
  name: "node-builtins",
  setup(build) {
    const names = builtinModules.filter((name) => !name.startsWith("_") && !name.includes(":"));
    const filter = new RegExp(`^(?:node:)?(?:${names.map((name) => name.replace("/", "\\/")).join("|")})$`);
    build.onResolve({ filter }, ({ path, kind }) => {
      const name = path.startsWith("node:") ? path : `node:${path}`;
      return kind === "require-call"
        ? { path: name, namespace: "required-builtin" }
        : { path: name, external: true };
    });
    build.onLoad({ filter: /.*/, namespace: "required-builtin" }, ({ path }) => ({
      contents: `import builtin from ${JSON.stringify(path)}; module.exports = builtin;`,
      loader: "js",
    }));
  },
};
