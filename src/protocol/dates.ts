/**
 * Dates in requests and answers: HTTP-dates in headers (RFC 9110, 5.6.7), ISO 8601 in documents. S3 counts in seconds.
 */

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const IMF_FIXDATE =
  /^[A-Z][a-z]{2}, (?<day>\d{2}) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/;
const RFC_850 =
  /^[A-Z][a-z]{5,8}, (?<day>\d{2})-(?<month>[A-Z][a-z]{2})-(?<year>\d{2}) (?<time>\d{2}:\d{2}:\d{2}) GMT$/;
const ASCTIME = /^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) (?<time>\d{2}:\d{2}:\d{2}) (?<year>\d{4})$/;

/** `Tue, 15 Nov 1994 08:12:31 GMT`. */
export function formatHttpDate(date: Date): string {
  return date.toUTCString();
}

/** Parses the three forms that a recipient must accept; undefined for anything else and for dates that do not exist. */
export function parseHttpDate(text: string): Date | undefined {
  const trimmed = text.trim();
  const groups = (IMF_FIXDATE.exec(trimmed) ?? RFC_850.exec(trimmed) ?? ASCTIME.exec(trimmed))?.groups;
  if (groups === undefined) return undefined;
  const month = MONTHS.indexOf(groups.month ?? "") + 1;
  const year = fullYear(groups.year ?? "");
  const day = (groups.day ?? "").trim().padStart(2, "0");
  return parseIso8601(`${year}-${String(month).padStart(2, "0")}-${day}T${groups.time}Z`);
}

/** RFC 9110 reads two-digit years relative to today. Without a clock, 70 to 99 are of the 20th century. */
function fullYear(year: string): string {
  if (year.length === 4) return year;
  return `${Number(year) >= 70 ? "19" : "20"}${year}`;
}

const DAY_MS = 86_400_000;
const TWO_DIGITS = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, "0"));
/** The day that was written last: a listing writes a date for each key, mostly of few days. */
let lastDay = { number: Number.NaN, text: "" };

/** `2009-10-12T17:50:30.000Z`: S3 always writes milliseconds, and always as zero. */
export function formatIso8601(date: Date): string {
  const number = Math.floor(date.getTime() / DAY_MS);
  if (number !== lastDay.number) lastDay = { number, text: date.toISOString().slice(0, -"17:50:30.000Z".length) };
  const seconds = Math.floor((date.getTime() - number * DAY_MS) / 1000);
  const [hour, minute, second] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `${lastDay.text}${TWO_DIGITS[hour]}:${TWO_DIGITS[minute]}:${TWO_DIGITS[second]}.000Z`;
}

const ISO_8601 =
  /^(?<date>\d{4}-\d{2}-\d{2})T(?<time>\d{2}:\d{2}:\d{2})(?<fraction>\.\d{1,9})?(?<zone>Z|[+-]\d{2}:\d{2})$/;

/** Parses a date with time and zone; undefined for anything else and for dates that do not exist. */
export function parseIso8601(text: string): Date | undefined {
  const groups = ISO_8601.exec(text.trim())?.groups;
  if (groups === undefined) return undefined;
  const local = `${groups.date}T${groups.time}`;
  const asUtc = new Date(`${local}Z`);
  // `Date` turns 30 February into a day of March.
  if (Number.isNaN(asUtc.getTime()) || !asUtc.toISOString().startsWith(local)) return undefined;
  const date = new Date(`${local}${(groups.fraction ?? "").slice(0, 4)}${groups.zone}`);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** The same to the millisecond: a client that sends a retention's date again must not shorten it. */
export function formatRetainUntil(until: number): string {
  return new Date(until).toISOString();
}

/** `Tue Dec 31 16:00:00 PST 2019`: some errors of S3 show a date in the form of Java, by the clock of Seattle. */
export function formatPacificTime(date: Date): string {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: "America/Los_Angeles",
    weekday: "short",
    year: "numeric",
    month: "short",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    timeZoneName: "short",
  });
  const part = Object.fromEntries(format.formatToParts(date).map(({ type, value }) => [type, value]));
  const time = `${part.hour}:${part.minute}:${part.second}`;
  return `${part.weekday} ${part.month} ${part.day} ${time} ${part.timeZoneName} ${part.year}`;
}
