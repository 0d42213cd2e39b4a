const withDate = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const clockOnly = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

/** In the reader's zone and manner; without the date when it is today. */
export function formatTime(ms: number, nowMs = Date.now()): string {
  const isToday = new Date(ms).toDateString() === new Date(nowMs).toDateString();
  return (isToday ? clockOnly : withDate).format(ms);
}

/** A day, for ends that are weeks away. */
export function formatDay(time: Date): string {
  return time.toLocaleDateString(undefined, { dateStyle: "long" });
}

/** How long ago, in the largest unit that fits. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 5) return "just now";
  if (seconds < 90) return `${seconds} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  return `${Math.round(seconds / 3600)} h ago`;
}
