import type { Context } from "hono";

/**
 * For pages that wait for something: looks again every few seconds and puts the new content in place of the old,
 * so that nobody loses their place. Without JavaScript the page reloads instead (page.tsx).
 */
const script = `
const { dataset } = document.currentScript;
async function look() {
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [shown, now] = [document.querySelector("main"), page.querySelector("main")];
    if (now && now.innerHTML !== shown.innerHTML) {
      document.title = page.title;
      shown.replaceChildren(...now.childNodes);
    }
    if (now && !page.querySelector("script[data-wait-seconds]")) return;
  } catch {} // no connection for a moment: look again
  setTimeout(look, 1000 * dataset.waitSeconds);
}
setTimeout(look, 1000 * dataset.waitSeconds);
`;

/** Answers `/wait.js`, which every page with `refreshSeconds` loads. */
export function waitScript(c: Context): Response {
  return c.body(script, 200, {
    "content-type": "text/javascript; charset=utf-8",
    "cache-control": "public, max-age=3600",
  });
}
