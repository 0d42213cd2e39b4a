import { DurableObject } from "cloudflare:workers";

/** Stands for the personal cloud: keeps what the stream app tells it, and can be out of reach. */
export class Pcm extends DurableObject {
  interest = undefined;
  deliveries = [];
  isAway = false;
  taken = 0;

  streamInterest(interest) {
    if (this.isAway) throw new Error("away");
    this.interest = interest;
  }

  streamResults(delivery) {
    if (this.isAway) throw new Error("away");
    this.deliveries.push(delivery);
    this.taken = Math.max(this.taken, ...delivery.results.map(({ number }) => number));
    return { origin: delivery.origin, number: this.taken };
  }

  away(isAway) {
    this.isAway = isAway;
  }

  seen() {
    return { interest: this.interest, deliveries: this.deliveries };
  }
}

export default { fetch: () => new Response(null, { status: 404 }) };
