import type { Context } from "hono";

/**
 * The stylesheet of every server-rendered page (DIdP, gateway), served by each Worker at `/style.css`.
 * Colours are tokens; every text colour has at least 4.5:1 and every border of a control at least 3:1 against
 * its ground in both schemes (WCAG 2.2 §1.4.3, §1.4.11). Words that others chose break where they must, so that nothing
 * scrolls sideways at 320 px (§1.4.10) but a table in its own box. No web font, no image.
 */
export const style = `
:root {
  color-scheme: light dark;
  --ground: #f6f7f5; --surface: #ffffff; --ink: #1c2421; --quiet: #51605a;
  --line: #d5dbd7; --edge: #74827c; --accent: #0b5c4a; --accent-ink: #ffffff; --accent-soft: #e3f1ec;
  --danger: #a12626; --danger-soft: #fbeaea; --note-soft: #fdf4dc; --note: #6b4d00; --focus: #0b5c4a;
  --radius: 0.75rem; --gap: 1rem;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #131816; --surface: #1c2320; --ink: #e8eeeb; --quiet: #a9b8b1;
    --line: #34403b; --edge: #7d8d86; --accent: #6fd3b5; --accent-ink: #08241c; --accent-soft: #1d3a31;
    --danger: #ff9d9d; --danger-soft: #402323; --note-soft: #3a3017; --note: #f0d58a; --focus: #6fd3b5;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { font: 100%/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
body { margin: 0; min-height: 100vh; background: var(--ground); color: var(--ink); display: flex; flex-direction: column; overflow-wrap: anywhere; }
a { color: var(--accent); text-underline-offset: 0.2em; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 0.25rem; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: 1rem; background: var(--surface); padding: 0.5rem 1rem; z-index: 1; }
.bar { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; align-items: center; justify-content: space-between;
  max-width: 46rem; width: 100%; margin: 0 auto; padding: 1rem 1.25rem; }
.brand { font-weight: 650; letter-spacing: 0.01em; text-decoration: none; color: var(--ink); }
.bar nav { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; align-items: center; }
.bar nav a, .brand { padding: 0.35rem 0; min-height: 1.5rem; }
.bar nav a[aria-current] { color: var(--ink); text-decoration-thickness: 2px; }
main { flex: 1; max-width: 46rem; width: 100%; margin: 0 auto; padding: 0.5rem 1.25rem 3rem; }
footer { max-width: 46rem; width: 100%; margin: 0 auto; padding: 1rem 1.25rem 2rem; color: var(--quiet); font-size: 0.9rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0.5rem 0 0.75rem; text-wrap: balance; }
h2 { font-size: 1.15rem; line-height: 1.35; margin: 0 0 0.5rem; }
h3 { font-size: 1rem; margin: 0 0 0.25rem; }
p { margin: 0 0 0.75rem; max-width: 65ch; }
.lead { font-size: 1.1rem; }
.quiet { color: var(--quiet); }
.small { font-size: 0.9rem; }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: var(--radius);
  padding: 1.25rem; margin: 0 0 var(--gap); }
.card > :last-child { margin-bottom: 0; }
ul, ol { padding-left: 1.25rem; margin: 0 0 0.75rem; }
li { margin: 0.25rem 0; }
ul.plain, ol.plain { list-style: none; padding: 0; }
dl.facts { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: 0.35rem 1rem; margin: 0 0 0.75rem; }
dl.facts dt { color: var(--quiet); }
dl.facts dd { margin: 0; }
@media (max-width: 30rem) { dl.facts { grid-template-columns: 1fr; gap: 0; } dl.facts dd { margin: 0 0 0.5rem; } }
form { margin: 0; }
fieldset { border: 1px solid var(--line); border-radius: var(--radius); padding: 0.75rem 1rem; margin: 0 0 1rem; }
legend { font-weight: 600; padding: 0 0.35rem; }
label { display: block; font-weight: 600; margin: 0 0 0.35rem; }
label.choice { display: flex; gap: 0.75rem; align-items: flex-start; font-weight: 400; padding: 0.45rem 0; margin: 0; cursor: pointer; }
label.choice input { width: 1.35rem; height: 1.35rem; margin: 0.1rem 0 0; flex: none; accent-color: var(--accent); }
.hint { color: var(--quiet); font-size: 0.9rem; margin: 0 0 0.5rem; }
input[type="text"], input[type="url"], input[type="number"], input[type="date"], input[type="password"], select, textarea {
  font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--edge); border-radius: 0.5rem;
  padding: 0.6rem 0.75rem; min-height: 2.75rem; width: 100%; margin: 0 0 1rem; }
textarea { min-height: 7rem; }
input.code { font-family: ui-monospace, "SFMono-Regular", Consolas, monospace; letter-spacing: 0.08em; text-transform: uppercase; }
input[aria-invalid="true"] { border-color: var(--danger); border-width: 2px; }
.actions { display: flex; flex-wrap: wrap; gap: 0.75rem; align-items: center; margin: 0.5rem 0 0; }
button, a.button { font: inherit; font-weight: 600; display: inline-flex; align-items: center; justify-content: center;
  min-height: 2.75rem; min-width: 2.75rem; padding: 0.5rem 1.25rem; border-radius: 0.5rem; border: 1px solid var(--edge);
  background: var(--surface); color: var(--ink); cursor: pointer; text-decoration: none; }
button:hover, a.button:hover { border-color: var(--ink); }
button.primary, a.button.primary { background: var(--accent); border-color: var(--accent); color: var(--accent-ink); }
button.danger { border-color: var(--danger); color: var(--danger); }
button.link { background: none; border: 0; padding: 0.35rem 0; min-height: 1.5rem; color: var(--accent); text-decoration: underline;
  text-underline-offset: 0.2em; font-weight: 400; }
.notice { border-radius: var(--radius); padding: 0.85rem 1rem; margin: 0 0 1rem; border: 1px solid var(--line); background: var(--accent-soft); }
.notice.problem { background: var(--danger-soft); border-color: var(--danger); }
.notice.care { background: var(--note-soft); border-color: var(--note); }
.notice > :last-child { margin-bottom: 0; }
.badge { display: inline-block; border: 1px solid var(--edge); border-radius: 1rem; padding: 0 0.6rem; font-size: 0.85rem; color: var(--quiet); }
ol.steps { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem; margin: 0 0 1rem; color: var(--quiet); font-size: 0.95rem; }
ol.steps li { display: flex; gap: 0.45rem; align-items: baseline; }
ol.steps li[aria-current] { color: var(--ink); font-weight: 600; }
table { border-collapse: collapse; width: 100%; margin: 0 0 1rem; overflow-wrap: normal; }
th, td { text-align: left; padding: 0.45rem 0.75rem 0.45rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.scroll { overflow-x: auto; }
code, .mono { font-family: ui-monospace, "SFMono-Regular", Consolas, monospace; font-size: 0.95em; overflow-wrap: anywhere; }
progress { width: 100%; height: 1rem; accent-color: var(--accent); }
.hidden-visually { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (prefers-reduced-motion: reduce) { *, *::before, *::after { animation: none !important; transition: none !important; } }
@media (forced-colors: active) { .card, .notice, button, a.button { border: 1px solid; } }
@media print { .bar nav, footer, .actions { display: none; } body { background: none; } }
`;

/** Answers the stylesheet; the one thing of a page that a browser may keep. */
export function stylesheet(c: Context): Response {
  return c.body(style, 200, {
    "content-type": "text/css; charset=utf-8",
    "cache-control": "public, max-age=3600",
  });
}
