/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import { html } from "hono/html";
import type { Child, FC } from "hono/jsx";

/** One entry of the navigation at the top. */
export interface PageLink {
  readonly href: string;
  readonly text: string;
}

export interface PageProps {
  /** What the page is about; also its only `h1`. */
  readonly title: string;
  /** Links at the top; the one whose `href` is `here` is marked as the current page. */
  readonly links?: readonly PageLink[];
  readonly here?: string;
  /** Paths of the page's own scripts (same origin; the page works without them). */
  readonly scripts?: readonly string[];
  /** Paths of stylesheets over the common one (same origin). */
  readonly styles?: readonly string[];
  /** Look again after so many seconds, for pages that wait for something; the Worker serves `/wait.js`. */
  readonly refreshSeconds?: number;
  readonly children?: Child;
}

/**
 * The layout of every server-rendered page: skip link, header, one `h1`, footer; no inline script or style.
 * Render with `c.html(<Page …/>)`; the Worker serves `stylesheet` (style.ts) at `/style.css`.
 */
export const Page: FC<PageProps> = ({
  title,
  links = [],
  here,
  scripts = [],
  styles = [],
  refreshSeconds,
  children,
}) => (
  <>
    {html`<!doctype html>`}
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        {refreshSeconds === undefined ? null : (
          <>
            <noscript>
              <meta http-equiv="refresh" content={String(refreshSeconds)} />
            </noscript>
            <script src="/wait.js" defer data-wait-seconds={String(refreshSeconds)} />
          </>
        )}
        <title>{`${title} · Edgenym`}</title>
        <link rel="stylesheet" href="/style.css" />
        {styles.map((path) => (
          <link rel="stylesheet" href={path} />
        ))}
        <link rel="icon" href="data:," />
        {scripts.map((path) => (
          <script type="module" src={path} />
        ))}
      </head>
      <body>
        <a class="skip" href="#content">
          Skip to the content
        </a>
        <header class="bar">
          <span class="brand">Edgenym</span>
          {links.length === 0 ? null : (
            <nav aria-label="Main">
              {links.map((link) => (
                <a href={link.href} {...(link.href === here ? { "aria-current": "page" } : {})}>
                  {link.text}
                </a>
              ))}
            </nav>
          )}
        </header>
        <main id="content" tabindex={-1}>
          <h1>{title}</h1>
          {children}
        </main>
        <footer>Edgenym keeps your devices apart from your name.</footer>
      </body>
    </html>
  </>
);

/** A box that says something before the rest; `problem` is announced at once by a screen reader. */
export const Notice: FC<{ readonly kind?: "info" | "care" | "problem"; readonly children?: Child }> = ({
  kind = "info",
  children,
}) => (
  <div class={kind === "info" ? "notice" : `notice ${kind}`} role={kind === "problem" ? "alert" : "status"}>
    {children}
  </div>
);

/** Where one is in a few named steps; the state is in the words too, never in colour alone. */
export const Steps: FC<{ readonly names: readonly string[]; readonly current: number }> = ({
  names,
  current,
}) => (
  <ol class="steps" aria-label="Steps">
    {names.map((name, index) => (
      <li {...(index === current ? { "aria-current": "step" } : {})}>
        <span aria-hidden="true">{index < current ? "✓" : index === current ? "●" : "○"}</span>
        <span>
          {name}
          {index < current ? <span class="hidden-visually"> (done)</span> : null}
        </span>
      </li>
    ))}
  </ol>
);
