/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
import type { FC } from "hono/jsx";
import { Notice, Page } from "../../../http/page.tsx";
import { DecisionForm } from "./shared.tsx";

/** A tool of the owner's own (the command line) asks for the whole personal cloud. */
export const OwnerToolPage: FC<{
  readonly csrf: string;
  readonly action: string;
  readonly toolName: string;
}> = ({ csrf, action, toolName }) => (
  <Page title={`Let the ${toolName} act for you?`}>
    <div class="card">
      <p>
        It will be able to do everything you can: see all your devices under your own names for them, control
        them, and read what they sent.
      </p>
      <Notice kind="care">
        <p>Agree only if you have just started it yourself, on this machine. You can end it under My apps.</p>
      </Notice>
      <DecisionForm csrf={csrf} action={action} yes="Yes, it is mine" no="No" />
    </div>
  </Page>
);
