/* Times: `<time datetime data-age>` says how long ago, `<time datetime data-until>` how long until, and both tick by one
   timer; `<time datetime data-at>` says the instant, in the reader's zone. Every <time> tells on hover the instant in the
   reader's zone and in the server's. */
import { word } from "./words.js";

const root = document.documentElement;
const UNITS = [[86400, "unit_d"], [3600, "unit_h"], [60, "unit_min"], [1, "unit_s"]];

/* As monitors.wording.duration_words: the two largest units, rounded down. */
export const durationWords = (milliseconds) => {
  let seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const amounts = UNITS.map(([size, unit]) => {
    const number = Math.floor(seconds / size);
    seconds -= number * size;
    return [number, unit];
  });
  const first = Math.max(0, amounts.findIndex(([number], i) => number || i === amounts.length - 1));
  return amounts.slice(first, first + 2).filter(([number], i) => number || i === 0)
    .map(([number, unit]) => word(unit, { number })).join(" ");
};

/* The server's clock counts: a reader's may be minutes off, and ages would be, too. */
let offset = 0;
export const setServerNow = (iso) => { offset = new Date(iso).getTime() - Date.now(); };
export const serverNow = () => Date.now() + offset;
if (root.dataset.now) setServerNow(root.dataset.now);

export const serverZone = root.dataset.zone;
/* A reader who has chosen a zone gets it from the server, and it counts for that of their clock, too. */
export const zone = "zoneChosen" in root.dataset ? serverZone : Intl.DateTimeFormat().resolvedOptions().timeZone;
export const elsewhere = Boolean(serverZone) && serverZone !== zone; // the reader's clock shows another time

const inZone = (instant, zone) => new Intl.DateTimeFormat(root.lang, {
  dateStyle: "medium", timeStyle: "medium", ...(zone ? { timeZone: zone } : {}),
}).format(instant);

export const instantWords = (instant) => {
  const here = inZone(instant, zone);
  if (!elsewhere) return here;
  try { return `${here}\n${word("server_time", { time: inZone(instant, serverZone), zone: serverZone })}`; } catch { return here; }
};

/* As monitors.display.instant. */
const two = (number) => String(number).padStart(2, "0");
export const hourWords = (at) => `${two(at.getHours())}:${two(at.getMinutes())}`;
const zoneName = new Intl.DateTimeFormat("en", { timeZoneName: "short" });
const fullWords = (at) => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${hourWords(at)}:${two(at.getSeconds())} `
  + zoneName.formatToParts(at).find(({ type }) => type === "timeZoneName").value;

const tell = (element) => {
  const instant = Date.parse(element.dateTime);
  if (Number.isNaN(instant)) return;
  let text = null;
  if ("age" in element.dataset) text = durationWords(serverNow() - instant);
  if ("until" in element.dataset) {
    const left = instant - serverNow();
    text = left > -1000 ? word("in_time", { time: durationWords(left) }) : word("due");
  }
  if (elsewhere && element.dataset.at === "") { // not yet
    element.dataset.at = zone;
    text = fullWords(new Date(instant));
  }
  if (text !== null && element.textContent !== text) element.textContent = text;
};

export const tick = (within = document) => {
  for (const element of within.querySelectorAll("time[data-age], time[data-until], time[data-at=\"\"]")) tell(element);
};

tick();
setInterval(() => { if (!document.hidden) tick(); }, 1000);
document.addEventListener("htmx:afterSwap", () => tick());
document.addEventListener("visibilitychange", () => { if (!document.hidden) tick(); });
for (const name of ["pointerover", "focusin"]) { // written when wanted: a page has hundreds of them
  document.addEventListener(name, (event) => {
    const element = event.target.closest?.("time[datetime]");
    if (element) element.title = instantWords(new Date(element.dateTime));
  });
}
