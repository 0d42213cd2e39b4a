import type { FunctionExtension } from "../extension.ts";
import { defineFunction } from "./define-function.ts";

type Num = number | bigint;

const EARTH_METRES = 6_371_000;

/** Metres between two points given in degrees, over a sphere. */
function haversine(lat1: number, lon1: number, lat2: number, lon2: number): number {
  const rad = Math.PI / 180;
  const a =
    Math.sin(((lat2 - lat1) * rad) / 2) ** 2 +
    Math.cos(lat1 * rad) * Math.cos(lat2 * rad) * Math.sin(((lon2 - lon1) * rad) / 2) ** 2;
  return 2 * EARTH_METRES * Math.asin(Math.sqrt(a));
}

const meanings = {
  lat1: "Latitude of the one, in degrees.",
  lon1: "Longitude of the one.",
  lat2: "Latitude of the other.",
  lon2: "Longitude of the other.",
  lat: "Latitude of the point, in degrees.",
  lon: "Longitude of the point.",
  centreLat: "Latitude of the centre.",
  centreLon: "Longitude of the centre.",
  metres: "How far it may be.",
};

/** The functions of the `geo` namespace. */
export const geoFunctions: readonly FunctionExtension[] = [
  defineFunction({
    name: "geo:distance",
    returns: "double",
    description: "Metres between two points on the earth.",
    nulls: "null",
    meanings,
    example: "geo:distance(lat1, lon1, lat2, lon2)",
    forms: {
      "lat1:n lon1:n lat2:n lon2:n": (a: Num, b: Num, c: Num, d: Num) =>
        haversine(Number(a), Number(b), Number(c), Number(d)),
    },
  }),
  defineFunction({
    name: "geo:within",
    returns: "bool",
    description: "True when the point is within so many metres of the centre.",
    nulls: "null",
    meanings,
    example: "geo:within(lat, lon, centreLat, centreLon, metres)",
    forms: {
      "lat:n lon:n centreLat:n centreLon:n metres:n": (a: Num, b: Num, c: Num, d: Num, m: Num) =>
        haversine(Number(a), Number(b), Number(c), Number(d)) <= Number(m),
    },
  }),
];
