export { StreamApp } from "../../../durable-objects/stream-app/stream-app.ts";
export { ForPcm } from "./for-pcm.ts";
export { OwnersRules } from "./owners-rules.ts";

/** The script has no route; whoever reaches it anyway finds nothing. */
export default {
  fetch(): Response {
    return new Response(null, { status: 404 });
  },
};
