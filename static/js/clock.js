/* Times: `<time datetime data-age>` says how long ago, `<time datetime data-until>` how long until, and both tick by one
   timer. Every <time> tells on hover the instant in the reader's zone and in the server's. */
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

const inZone = (instant, zone) => new Intl.DateTimeFormat(root.lang, {
  dateStyle: "medium", timeStyle: "medium", ...(zone ? { timeZone: zone } : {}),
}).format(instant);

export const instantWords = (instant) => {
  const here = inZone(instant);
  const zone = root.dataset.zone;
  if (!zone || zone === Intl.DateTimeFormat().resolvedOptions().timeZone) return here;
  try { return `${here}\n${word("server_time", { time: inZone(instant, zone), zone })}`; } catch { return here; }
};

const tell = (element) => {
  const instant = Date.parse(element.dateTime);
  if (Number.isNaN(instant)) return;
  let text = null;
  if ("age" in element.dataset) text = durationWords(serverNow() - instant);
  if ("until" in element.dataset) {
    const left = instant - serverNow();
    text = left > -1000 ? word("in_time", { time: durationWords(left) }) : word("due");
  }
  if (text !== null && element.textContent !== text) element.textContent = text;
};

export const tick = (within = document) => {
  for (const element of within.querySelectorAll("time[data-age], time[data-until]")) tell(element);
};

setInterval(() => { if (!document.hidden) tick(); }, 1000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) tick(); });
for (const name of ["pointerover", "focusin"]) { // written when wanted: a page has hundreds of them
  document.addEventListener(name, (event) => {
    const element = event.target.closest?.("time[datetime]");
    if (element) element.title = instantWords(new Date(element.dateTime));
  });
}
