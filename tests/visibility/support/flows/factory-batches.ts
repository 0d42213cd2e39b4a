import type { Person } from "../../../../cli/sim/person.ts";
import { products } from "../../../../demo/products.ts";
import { send, throughLogin, whenItSays } from "../forms.ts";
import { as, fetchFrom } from "../network.ts";
import { answered, type Batch } from "../operator.ts";
import type { Scene } from "../scene.ts";

/** A registration answer, as far as it is looked for. */
interface Registered {
  readonly client_id: string;
  readonly client_secret: string;
  readonly user_code: string;
  readonly registration_access_token: string;
}

const template = {
  software_id: "room-node",
  grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
  token_endpoint_auth_method: "client_secret_basic",
};

/** A batch in one request, a job, and a run by one of the manufacturer's people on its pages. */
export async function registerInBatches(scene: Scene, employee: Person): Promise<void> {
  const { didp } = scene.platform.addresses;
  const { token } = await openBatch(scene);
  const order = async (path: "bulk" | "jobs", refs: readonly string[]) => {
    scene.plant("hardware", ...refs);
    return answered(
      fetch(`${didp}/register/${path}`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${token}`,
          "content-type": "application/json",
          "idempotency-key": crypto.randomUUID(),
        },
        body: JSON.stringify({ template, count: refs.length, refs }),
      }),
    );
  };
  await as("manufacturer", async () => {
    plantLines(scene, await (await order("bulk", [scene.word("serial"), scene.word("serial")])).text());
    const job =
      (await order("jobs", [scene.word("serial"), scene.word("serial")])).headers.get("location") ?? "";
    const headers = { authorization: `Bearer ${token}` };
    for (let looks = 0; looks < 200; looks += 1) {
      const { state } = (await (await fetch(job, { headers })).json()) as { state: string }; // the answer about a job
      if (state === "finished") break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    plantLines(scene, await (await answered(fetch(`${job}/results`, { headers }))).text());
  });

  const manufacturer = products[0]?.manufacturer ?? "";
  const invited = await as("operator", () =>
    scene.operator.ask("POST", `/manufacturers/${manufacturer}/invitations`),
  );
  const invitation = new URL((invited as { invitation_uri: string }).invitation_uri).hash.slice(1);
  scene.plant("factoryToken", invitation);
  await throughLogin(employee, await employee.open(new URL("/login/demo?to=/mfr", didp)), "bob");
  const joined = await send(employee, await employee.open(new URL("/m", didp)), /\/m$/, { code: invitation });
  if (joined.status >= 400) throw new Error(`the invitation was refused: "${joined.heading}"`);
  const page = await employee.open(new URL(`/mfr/${manufacturer}`, didp));
  const run = await send(employee, page, /\/runs$/, {
    software_id: "room-node",
    count: "2",
    batch: scene.word("run"),
    decision: "register",
  });
  const finished = await whenItSays(employee, run, "Registered");
  plantLines(scene, (await employee.open(new URL(`${finished.url.pathname}/results`, didp))).html);
}

/** A person of the manufacturer: what they see, the manufacturer has. */
export function fetchOfEmployee(): typeof fetch {
  return fetchFrom("manufacturer");
}

/** A batch whose factory's token is looked for as well. */
export async function openBatch(scene: Scene): Promise<Batch> {
  const batch = await as("operator", () => scene.operator.openBatch(scene.word("batch")));
  scene.plant("factoryToken", batch.token);
  return batch;
}

function plantLines(scene: Scene, lines: string): void {
  const made = lines
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Registered); // registration answers, one a line
  if (made.length < 2) throw new Error("the batch is too small");
  for (const { client_id, client_secret, user_code, registration_access_token } of made) {
    scene.plantDevice({ clientId: client_id, clientSecret: client_secret, userCode: user_code });
    scene.plant("factoryToken", registration_access_token);
  }
}
