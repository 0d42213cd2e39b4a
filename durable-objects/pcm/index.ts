export { Pcm } from "./pcm.ts";

/** The script has no route; whoever reaches it anyway finds nothing. */
export default {
  fetch(): Response {
    return new Response(null, { status: 404 });
  },
};
