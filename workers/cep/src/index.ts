export { FleetHub } from "../../../durable-objects/fleet/fleet-hub.ts";
export { FleetShard } from "../../../durable-objects/fleet/fleet-shard.ts";
export { StreamApp } from "../../../durable-objects/stream-app/stream-app.ts";
export { DevelopersRules } from "./developers-rules.ts";
export { ForPcm } from "./for-pcm.ts";
export { OwnersRules } from "./owners-rules.ts";

/** The script has no route; whoever reaches it anyway finds nothing. */
export default {
  fetch(): Response {
    return new Response(null, { status: 404 });
  },
};
