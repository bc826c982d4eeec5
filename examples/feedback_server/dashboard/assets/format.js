// Numbers, money, times and durations as Swedes write them.

const LOCALE = "sv-SE";
const number = (options) => new Intl.NumberFormat(LOCALE, options);
const date = (options) => new Intl.DateTimeFormat(LOCALE, options);

const FORMATS = {
  integer: number({ maximumFractionDigits: 0 }),
  decimal: number({ minimumFractionDigits: 1, maximumFractionDigits: 1 }),
  signed: number({ minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: "exceptZero" }),
  percent: number({ style: "percent", maximumFractionDigits: 0 }),
  money: number({ style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", minimumFractionDigits: 2, maximumFractionDigits: 2 }),
  fineMoney: number({ style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", minimumFractionDigits: 4, maximumFractionDigits: 4 }),
  dateTime: date({ dateStyle: "medium", timeStyle: "short" }),
  time: date({ timeStyle: "medium" }),
  day: date({ day: "numeric", month: "short", timeZone: "UTC" }),
};

/** Where there is nothing to say. */
export const DASH = "–";
const known = (value) => typeof value === "number" && Number.isFinite(value);
const shown = (format) => (value) => (known(value) ? FORMATS[format].format(value) : DASH);

export const integer = shown("integer");
export const signed = shown("signed");
export const percent = shown("percent");
export const money = shown("money");

/** Money of one call: fractions of a cent count. */
export const fineMoney = shown("fineMoney");

/** "1,4 s" of milliseconds. */
export const seconds = (ms) => (known(ms) ? `${FORMATS.decimal.format(ms / 1000)} s` : DASH);

/** "850 ms" */
export const milliseconds = (ms) => (known(ms) ? `${FORMATS.integer.format(ms)} ms` : DASH);

/** "1:07" of seconds. */
export function clock(total) {
  if (!known(total)) return DASH;
  const whole = Math.max(0, Math.floor(total));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export const dateTime = (text) => formatted("dateTime", text);
export const time = (text) => formatted("time", text);

/** "3 nov." of `2026-11-03`. */
export const day = (text) => formatted("day", `${text}T00:00:00Z`);

/** The local day `2026-11-03` of an instant. */
export function localDay(instant) {
  const two = (part) => String(part).padStart(2, "0");
  return `${instant.getFullYear()}-${two(instant.getMonth() + 1)}-${two(instant.getDate())}`;
}

function formatted(format, text) {
  const instant = new Date(text ?? NaN);
  return Number.isNaN(instant.getTime()) ? DASH : FORMATS[format].format(instant);
}
