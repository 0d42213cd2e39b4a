import { afterAll, beforeAll, expect, test } from "vitest";
import { openStage, Schedule, type Stage } from "./support/formal-model.ts";

const SCHEDULES = 5;
const STEPS = 250;
const firstSeed = Number(process.env.VISIBILITY_SEED ?? Math.floor(Math.random() * 2 ** 31));

let stage: Stage;

beforeAll(async () => {
  stage = await openStage(18_820);
});

afterAll(() => stage.stop());

test.each(Array.from({ length: SCHEDULES }, (_, index) => firstSeed + index))(
  "nothing flows before both consents of one user, nothing crosses users, nothing comes afterwards (seed %i)",
  async (seed) => {
    console.log(`VISIBILITY_SEED=${seed}`);
    const schedule = new Schedule(stage, seed);
    try {
      for (let step = 0; step < STEPS; step += 1) await schedule.step();
      await schedule.finish();
    } catch (error) {
      console.log(schedule.story);
      throw error;
    }
    console.log(JSON.stringify(schedule.counts));
    expect(schedule.counts.flowed).toBeGreaterThan(0);
    expect(schedule.counts.held).toBeGreaterThan(0);
  },
);
