import { type Noise, seededNoise, smoothNoise } from "./noise.ts";

/** The rooms of the household; a device stands in one of them. */
export const rooms = ["living room", "kitchen", "bedroom", "study"] as const;
/** One of `rooms`. */
export type Room = (typeof rooms)[number];

/** What the household can be measured by. */
export const householdProperties = ["temperature", "light", "sound", "co2", "motion", "power"] as const;
/** One of `householdProperties`. */
export type HouseholdProperty = (typeof householdProperties)[number];

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How much daylight reaches each room, and how much of its heat. */
const WINDOW: Record<Room, number> = { "living room": 1, kitchen: 0.7, bedroom: 0.5, study: 0.8 };

/**
 * A household that does not exist: two people, four rooms, and what sensors there would measure. Everything is a
 * function of seed, room and time, so a run can be repeated and a test can know every value beforehand. Its local
 * time is UTC.
 */
export class Household {
  readonly #noise: Noise;
  readonly #people: readonly Person[];

  constructor(seed: string | number) {
    this.#noise = seededNoise(seed);
    this.#people = [new Person("a", this.#noise), new Person("b", this.#noise)];
  }

  /** The room that a device with this name stands in; the same one always. */
  roomOf(deviceName: string): Room {
    return rooms[Math.floor(this.#noise("room", deviceName) * rooms.length)] ?? "living room";
  }

  /** How many people are in the room. */
  occupancy(room: Room, timeMs: number): number {
    return this.#people.filter((person) => person.whereabouts(timeMs) === room).length;
  }

  /** In the units of the products: °C, lx, V, ppm, 0 or 1, W; rounded as a sensor of that kind would. */
  measure(property: HouseholdProperty, room: Room, timeMs: number): number {
    switch (property) {
      case "temperature":
        return round(this.#temperature(room, timeMs), 0.01);
      case "light":
        return round(this.#light(room, timeMs), 1);
      case "sound":
        return round(this.#sound(room, timeMs), 0.01);
      case "co2":
        return round(this.#co2(room, timeMs), 1);
      case "motion":
        return this.#motion(room, timeMs);
      case "power":
        return round(this.#power(room, timeMs), 0.1);
    }
  }

  #temperature(room: Room, timeMs: number): number {
    const heated = 18.2 + 2.6 * softly(timeOfDay(timeMs), 5.5, 7.5) - 2.6 * softly(timeOfDay(timeMs), 22, 24);
    const people = 0.35 * this.#recentOccupancy(room, timeMs, 40 * MINUTE);
    const sun = 1.1 * WINDOW[room] * daylight(timeMs - 1.5 * HOUR) * this.#sky(timeMs);
    const draught = 0.5 * (smoothNoise(this.#noise, `draught ${room}`, timeMs, 23 * MINUTE) - 0.5);
    return heated + people + sun + draught + 0.08 * this.#flicker("temperature", room, timeMs);
  }

  #light(room: Room, timeMs: number): number {
    const outside = 900 * WINDOW[room] * daylight(timeMs) * this.#sky(timeMs);
    const isAwake = this.#people.some(
      (person) => person.whereabouts(timeMs) === room && !person.isAsleep(timeMs),
    );
    const lamp = isAwake && outside < 150 ? 240 + 20 * this.#noise("lamp", room) : 0;
    return outside + lamp;
  }

  #sound(room: Room, timeMs: number): number {
    const awake = this.#people.filter(
      (person) => person.whereabouts(timeMs) === room && !person.isAsleep(timeMs),
    );
    const talk = awake.length * this.#noise("talk", room, Math.floor(timeMs / 10_000)) ** 3;
    return 0.04 + 0.03 * this.#noise("hum", room, Math.floor(timeMs / 10_000)) + 0.8 * talk;
  }

  #co2(room: Room, timeMs: number): number {
    const drift = 12 * (smoothNoise(this.#noise, `air ${room}`, timeMs, 31 * MINUTE) - 0.5);
    const people = 430 * this.#recentOccupancy(room, timeMs, 55 * MINUTE);
    return 420 + people + drift + 6 * this.#flicker("co2", room, timeMs);
  }

  #motion(room: Room, timeMs: number): number {
    const moving = this.#people.some(
      (person) =>
        person.whereabouts(timeMs) === room &&
        this.#noise("step", room, Math.floor(timeMs / 15_000)) < (person.isAsleep(timeMs) ? 0.03 : 0.65),
    );
    return moving ? 1 : 0;
  }

  #power(room: Room, timeMs: number): number {
    const standby = 3 + 4 * this.#noise("standby", room);
    const fridge = room === "kitchen" && (timeMs / MINUTE + 60 * this.#noise("fridge")) % 45 < 14 ? 85 : 0;
    const awake = this.#people.filter(
      (person) => person.whereabouts(timeMs) === room && !person.isAsleep(timeMs),
    );
    if (awake.length === 0) return standby + fridge;
    const use: Record<Room, number> = { "living room": 120, kitchen: 900, bedroom: 15, study: 95 };
    // A stove or a television is used in turns of some minutes.
    const turn = smoothNoise(this.#noise, `use ${room}`, timeMs, 6 * MINUTE) > 0.45 ? 1 : 0.1;
    return (
      standby +
      fridge +
      use[room] * turn * (0.95 + 0.1 * this.#noise("load", room, Math.floor(timeMs / MINUTE)))
    );
  }

  /** What a sensor adds of its own: -0.5 to 0.5, anew every two seconds. */
  #flicker(sensor: HouseholdProperty, room: Room, timeMs: number): number {
    return this.#noise("flicker", sensor, room, Math.floor(timeMs / 2000)) - 0.5;
  }

  /** Clouds: 0.25 (grey) to 1 (clear), changing over hours. */
  #sky(timeMs: number): number {
    return 0.25 + 0.75 * smoothNoise(this.#noise, "sky", timeMs, 2.5 * HOUR);
  }

  /** Occupancy as it fades: what a room still has of the people who were in it, with time constant `fadeMs`. */
  #recentOccupancy(room: Room, timeMs: number, fadeMs: number): number {
    const stepMs = 5 * MINUTE;
    const now = Math.floor(timeMs / stepMs) * stepMs;
    const share = 1 - Math.exp(-stepMs / fadeMs);
    let sum = 0;
    for (let age = 0; age < 4 * fadeMs; age += stepMs) {
      sum += this.occupancy(room, now - age) * share * Math.exp(-(age + (timeMs - now)) / fadeMs);
    }
    return sum;
  }
}

/** Hours since midnight, and whether work is done at home. */
interface DayPlan {
  readonly wakes: number;
  readonly leaves: number;
  readonly returns: number;
  readonly sleeps: number;
  readonly worksHere: boolean;
}

/** One person's day: sleep, breakfast, work (elsewhere, or in the study), an evening. Weekends are slower. */
class Person {
  readonly #name: string;
  readonly #noise: Noise;
  readonly #plans = new Map<number, DayPlan>();

  constructor(name: string, noise: Noise) {
    this.#name = name;
    this.#noise = noise;
  }

  isAsleep(timeMs: number): boolean {
    const { wakes, sleeps } = this.#day(timeMs);
    const hour = timeOfDay(timeMs);
    return hour < wakes || hour >= sleeps;
  }

  /** @returns `undefined` while away. */
  whereabouts(timeMs: number): Room | undefined {
    const { wakes, leaves, returns, sleeps, worksHere } = this.#day(timeMs);
    const hour = timeOfDay(timeMs);
    if (hour < wakes || hour >= sleeps) return "bedroom";
    if (hour < wakes + 0.35) return "bedroom";
    if (hour < leaves) return "kitchen";
    if (hour < returns) {
      if (!worksHere) return undefined;
      return hour > 12.5 && hour < 13.25 ? "kitchen" : "study";
    }
    if (hour < returns + 0.9) return "kitchen";
    return this.#noise(this.#name, "evening", Math.floor(timeMs / (40 * MINUTE))) < 0.8
      ? "living room"
      : "study";
  }

  #day(timeMs: number): DayPlan {
    const day = Math.floor(timeMs / DAY);
    // A plan is asked for many times, and only of today and yesterday.
    const plan = this.#plans.get(day) ?? this.#planDay(day);
    if (this.#plans.size > 8) this.#plans.clear();
    this.#plans.set(day, plan);
    return plan;
  }

  #planDay(day: number): DayPlan {
    const isWeekend = (day + 4) % 7 === 0 || (day + 4) % 7 === 6; // day 0 was a Thursday
    const about = (what: string, hour: number, spread: number) =>
      hour + spread * (this.#noise(this.#name, what, day) - 0.5);
    return {
      wakes: about("wakes", isWeekend ? 8.6 : 6.9, 0.8),
      leaves: about("leaves", isWeekend ? 10.5 : 8.2, 0.5),
      returns: about("returns", isWeekend ? 14.5 : 17.6, 1.2),
      sleeps: about("sleeps", 22.9, 0.9),
      worksHere: !isWeekend && this.#noise(this.#name, "works here", day) < 0.4,
    };
  }
}

/** Hours since midnight UTC, with fractions. */
function timeOfDay(timeMs: number): number {
  return (((timeMs % DAY) + DAY) % DAY) / HOUR;
}

/** 0 at night, 1 at noon, for a day from six to eight. */
function daylight(timeMs: number): number {
  const hour = timeOfDay(timeMs);
  return hour <= 6 || hour >= 20 ? 0 : Math.sin(((hour - 6) / 14) * Math.PI) ** 1.3;
}

/** Rises from 0 at `from` to 1 at `to`. */
function softly(hour: number, from: number, to: number): number {
  const part = Math.min(1, Math.max(0, (hour - from) / (to - from)));
  return part * part * (3 - 2 * part);
}

function round(value: number, step: number): number {
  // Through a short decimal, so that 0.1 steps print as 0.1 steps.
  return Number((Math.round(value / step) * step).toFixed(2));
}
