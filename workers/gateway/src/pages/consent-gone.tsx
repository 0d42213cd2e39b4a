import { Notice, Page } from "../../../http/page.tsx";

/** The ticket was used, has expired, or never was; the page does not say which. */
export const ConsentGone = () => (
  <Page title="This request is no longer open">
    <Notice kind="care">
      <p>Nothing was shared.</p>
    </Notice>
    <p>
      Go back to the app and ask it to connect again. A request stays open for ten minutes and can be answered
      once.
    </p>
  </Page>
);
