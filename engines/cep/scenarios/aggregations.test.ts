import { describe } from "vitest";
import { accepts, refuses, scenario } from "./scenario.ts";

const S = "define stream S (room string, temp float, n int, t long); ";
const G =
  "define aggregation G from S select room, avg(temp) as mean, sum(temp) as total, (temp * n) as newest group by room aggregate by t every sec...hour; ";
/** 2017-06-01 04:05:50 UTC. */
const T = 1_496_289_950_000;
const EVENTS = [
  ["S", "a", 50, 6, T],
  ["S", "a", 70, 10, T],
  ["S", "b", 60, 5, T + 2000],
  ["S", "b", 100, 16, T + 2000],
  ["S", "a", 10, 2, 1_513_578_087_000],
] as const;

describe("aggregations: what a query finds", () => {
  scenario("per second, over a month", S + G, [
    ...EVENTS,
    {
      ask: 'from G within "2017-06-** **:**:**" per "seconds"',
      rows: [
        [T, "a", 60, 120, 700],
        [T + 2000, "b", 80, 160, 1600],
      ],
      inAnyOrder: true,
    },
  ]);
  for (const range of [
    "2017-12-18 **:**:**",
    "2017-12-18 06:**:**",
    "2017-12-18 06:21:**",
    "2017-12-18 11:51:27 +05:30",
  ])
    scenario(`within "${range}"`, S + G, [
      ...EVENTS,
      {
        ask: `from G within "${range}" per "sec" select total, room order by total`,
        rows: [[10, "a"]],
      },
    ]);
  scenario("a late event joins its bucket, and is not the newest", S + G, [
    ["S", "a", 50, 6, T + 900],
    ["S", "a", 10, 1, T + 5000],
    ["S", "a", 30, 2, T + 100],
    { ask: `from G within ${T}L, ${T + 1000}L per 'seconds'`, rows: [[T, "a", 40, 80, 300]] },
    { ask: `from G within ${T - 60_000}L, ${T + 60_000}L per 'hours'`, rows: [] },
    { ask: `from G within "2017-**-** **:**:**" per 'hours' select total, newest`, rows: [[90, 10]] },
  ]);
  scenario(
    "a join takes range and duration from its events; digits are ms",
    `${S}${G}define stream Ask (low string, high string, per string); @info(name='q') from Ask as i join G as g within i.low, i.high per i.per select AGG_TIMESTAMP, g.room, total insert into Out;`,
    [
      ...EVENTS,
      ["Ask", String(T + 1000), "2017-06-01 04:05:53", "seconds"],
      ["Ask", "2017", "2018", "seconds"],
    ],
    { Out: [[T + 2000, "b", 160]] },
  );
  scenario(
    "wrong questions are refused",
    S + G,
    [
      'within "2017-06-** **:**:**" per "days"',
      'within "2017-06-** **:**:**" per 1000',
      'within "2017-06-02 00:00:00", "2017-06-01 00:00:00" per "hours"',
      'within "2017-06-** **:**:**:1000" per "hours"',
      'within "2017-06-** 12:**:**" per "hours"',
      'within 1513578087000L per "hours"',
      'within "2017-12-18 11:51:27 +05:30", 156 per "hours"',
      "select *",
      'per "days"',
    ].map((rest) => ({ refused: `from G ${rest}` })),
  );
});

describe("aggregations: definitions", () => {
  const every = (durations: string) =>
    `${S}define aggregation G from S select sum(temp) as x aggregate by t every ${durations};`;
  for (const durations of [
    "sec",
    "sec ... min",
    "seconds...years",
    "sec, min, hour, day, month, year",
    "sec, hour",
  ])
    accepts(`every ${durations}`, every(durations));
  refuses(
    "a duration",
    every("week"),
    every("sec...weeks"),
    every("year...sec"),
    every("5 sec"),
    every("moment"),
  );
  const purged = (annotation: string) => `${S}${annotation} ${G}`;
  accepts(
    "purging",
    purged(
      "@purge(enable='true', interval='10 sec', @retentionPeriod(sec='120 sec', min='all', hours='25 hours'))",
    ),
  );
  refuses(
    "purging",
    purged("@purge(enable='maybe')"),
    purged("@purge(enable='true', interval='soon')"),
    purged("@purge(enable='true', @retentionPeriod(sec='10 sec'))"),
    purged("@purge(enable='true', @retentionPeriod(hours='24 hours'))"),
    purged("@purge(enable='true', @retentionPeriod(days='all'))"),
  );
  accepts("an aggregation that is not sharded", `${S}@PartitionById(enable='false') ${G}`);
  refuses("sharding", `${S}@PartitionById ${G}`, `${S}@PartitionById(enable='true') ${G}`);
  refuses(
    "its input",
    G,
    "define aggregation G from Nowhere select sum(x) as y aggregate every sec;",
    `${S}define aggregation G from S select sum(temp) as x aggregate by room, t every sec;`,
    `${S}define aggregation G from S select stdDev(temp) as x aggregate every sec;`,
  );
});
