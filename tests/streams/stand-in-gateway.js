import { WorkerEntrypoint } from "cloudflare:workers";

/** Stands for the gateway and the personal clouds behind it; a way back is the name of one of them here. */
const clouds = new Map();
const away = new Set();

function cloudOf(wayBack) {
  if (away.has(wayBack)) throw new Error("away");
  let cloud = clouds.get(wayBack);
  if (cloud === undefined) {
    cloud = { interests: [], results: [], number: 0 };
    clouds.set(wayBack, cloud);
  }
  return cloud;
}

export class ForRules extends WorkerEntrypoint {
  fleetInterest(app, { wayBack }, interest) {
    cloudOf(wayBack).interests.push({ app, interest });
  }

  fleetResults(_app, { wayBack }, { results }) {
    const cloud = cloudOf(wayBack);
    const fresh = results.filter(({ number }) => number > cloud.number);
    cloud.results.push(...fresh);
    cloud.number = results.at(-1)?.number ?? cloud.number;
    return {
      number: cloud.number,
      refused: cloud.results.filter(({ action }) => action === "forbidden").length,
    };
  }

  away(wayBack, isAway) {
    if (isAway) away.add(wayBack);
    else away.delete(wayBack);
  }

  seen(wayBack) {
    return clouds.get(wayBack) ?? { interests: [], results: [] };
  }
}

export default { fetch: () => new Response(null, { status: 404 }) };
