/* The tooltip of a strip: one outcome at a time, by pointer, or by arrow keys once the strip has the focus.
   `data-seen` is packed by monitors/figures.py: the code of the failure or "-", latency in ms, ":" and the seconds since the outcome before, "*" and how many alike. */
import { instantWords } from "./clock.js";
import { word } from "./words.js";

const LENGTH = 60;
const PACKED = /(-|[A-Za-z]{2})(\d*)(?::(-?\d+))?(?:\*(\d+))?/g;
const found = document.getElementById("failures");
const failures = found ? JSON.parse(found.textContent) : {};

const outcomes = (strip) => {
  let at = 0;
  let distance = 0;
  return [...strip.dataset.seen.matchAll(PACKED)].flatMap(([, code, latency, seconds, alike]) => {
    distance = seconds === undefined ? distance : Number(seconds);
    return Array.from({ length: Number(alike ?? 1) }, () => {
      at += distance;
      return { code, latency, at: new Date(at * 1000) };
    });
  });
};

const words = ({ code, latency, at }) => {
  const what = code === "-" ? word("ok") : failures[code] ?? code;
  return `${what}${latency ? `, ${latency} ms` : ""}\n${instantWords(at)}`;
};

let tip = null;
let shown = null; // the strip and the place in it

const hide = () => { tip?.remove(); tip = shown = null; };

const show = (strip, place, polite) => {
  const seen = outcomes(strip);
  const first = LENGTH - seen.length;
  if (!seen.length) return hide();
  place = Math.max(first, Math.min(LENGTH - 1, place));
  if (!tip) {
    tip = document.createElement("div");
    tip.className = "tip";
    document.body.append(tip);
  }
  if (polite) tip.setAttribute("role", "status");
  shown = { strip, place };
  tip.textContent = words(seen[place - first]);
  const box = strip.getBoundingClientRect();
  const x = box.left + (place + .5) / LENGTH * box.width;
  const above = box.top - tip.offsetHeight - 6;
  tip.style.left = `${Math.max(4, Math.min(innerWidth - tip.offsetWidth - 4, x - tip.offsetWidth / 2))}px`;
  tip.style.top = `${above < 4 ? box.bottom + 6 : above}px`;
};

const stripOf = (event) => event.target.closest?.("svg.strip[data-seen]");

document.addEventListener("pointermove", (event) => {
  const strip = stripOf(event);
  if (strip) {
    const box = strip.getBoundingClientRect();
    show(strip, Math.floor((event.clientX - box.left) / box.width * LENGTH), false);
  } else if (shown && document.activeElement !== shown.strip) hide();
});
document.addEventListener("focusin", (event) => { const strip = stripOf(event); if (strip) show(strip, LENGTH - 1, true); });
document.addEventListener("focusout", (event) => { if (stripOf(event)) hide(); });
document.addEventListener("scroll", () => { if (shown) show(shown.strip, shown.place, false); }, { passive: true });
document.addEventListener("keydown", (event) => {
  const strip = stripOf(event);
  if (!strip) return;
  const place = shown?.strip === strip ? shown.place : LENGTH;
  const wanted = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: LENGTH - 1 }[event.key];
  if (event.key === "Escape") hide();
  else if (wanted !== undefined) { event.preventDefault(); show(strip, wanted, true); }
});
