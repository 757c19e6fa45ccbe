// Words, numbers and moments in the language of the page.

export const language = document.documentElement.lang;
export const words = await (await fetch(`/${language}.json`)).json();
const locale = language === "en" ? "en-GB" : language; // days before months, hours up to 24
export const count = new Intl.NumberFormat(locale);
export const share = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "always", style: "long" });

/** The zone whose days are counted, as the figures say. */
export const national = { zone: "Asia/Jakarta" };
const units = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
const zoneNames = { "Asia/Jakarta": "WIB", "Asia/Pontianak": "WIB", "Asia/Makassar": "WITA", "Asia/Jayapura": "WIT" };

export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
export const say = (name, values = {}) => fill(words.say[name], values);
export const word = (kind, name) => words[kind][name] ?? name;

function inZone(text, parts, at) {
  return `${new Intl.DateTimeFormat(locale, { ...parts, timeZone: at }).format(new Date(text))} ${zoneNames[at] ?? at}`;
}

export const moment = (text, at = national.zone) => inZone(text, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" }, at);
export const clockTime = (text) => inZone(text, { hour: "2-digit", minute: "2-digit", second: "2-digit" }, national.zone);

export function day(text) {
  const parts = { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" };
  return new Intl.DateTimeFormat(locale, parts).format(new Date(`${text}T00:00:00Z`));
}

export function away(text) {
  const seconds = (new Date(text) - Date.now()) / 1000;
  const [size, unit] = units.find(([each]) => Math.abs(seconds) >= each) ?? [1, "second"];
  return relative.format(Math.trunc(seconds / size), unit);
}


/** How long something has been so, by its largest unit. */
export function age(seconds) {
  const [size, unit] = units.find(([each]) => seconds >= each) ?? [1, "second"];
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" }).format(Math.trunc(seconds / size));
}
