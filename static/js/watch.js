/* Keeps the page of a server or of incidents true. On such a page [data-watch] names the server (or says "all"), and every
   part with data-live and an id is made like the new one: all of them when the monitor tells that something changed, and
   what is said of the last probe every few seconds, from the address in data-now. Where that turns stale, or fresh again
   (data-stale), so does the rest of the page. */
import { setUp } from "./chart.js";
import { tick } from "./clock.js";
import { morph } from "./morph.js";

const GATHER_MS = 150; // changes come in flocks
const PAUSE_MS = 1000; // between two requests of one page
const REFRESH_MS = 10000;
const AFTERWARDS_MS = 5000; // who was told of a change is known a little later

const watched = document.querySelector("[data-watch]");
const wanted = watched?.dataset.watch;
let timer = null;
let afterwards = null;
let whole = false;
let late = null;

/* Somebody reads it, or something else is on its way into it. */
const inUse = (part) => part.contains(document.activeElement) || part.querySelector(".htmx-request");

const staleness = () => document.getElementById(watched.dataset.now)?.dataset.stale;

const update = (html) => {
  const found = new DOMParser().parseFromString(html, "text/html");
  for (const part of document.querySelectorAll("[data-live][id]")) {
    const fresh = found.getElementById(part.id);
    if (!fresh) continue;
    if (part.dataset.live !== "replace") morph(part, fresh);
    else if (!inUse(part)) part.replaceWith(document.importNode(fresh, true));
  }
  htmx.process(watched);
  setUp(document);
  tick();
};

const refresh = async () => {
  const all = whole;
  whole = false;
  try {
    const headers = all || !watched.dataset.now ? {} : { "HX-Request": "true", "HX-Target": watched.dataset.now };
    const asked = location.href;
    const answer = await fetch(asked, { headers });
    const html = answer.ok && !answer.redirected ? await answer.text() : null;
    if (location.href !== asked) whole ||= all; // another range was chosen meanwhile
    else if (html !== null) {
      const before = staleness();
      update(html);
      whole ||= !all && staleness() !== before;
    }
  } catch {
    /* js/live.js says that the monitor does not answer */
  }
  timer = setTimeout(() => { timer = null; if (whole) plan(); }, PAUSE_MS);
};
const plan = () => { timer ??= setTimeout(refresh, GATHER_MS); };
const again = () => { whole = true; plan(); };

if (watched) {
  document.addEventListener("live:change", ({ detail }) => {
    if (late !== null && late !== detail.late) again();
    late = detail.late;
    if (!detail.all && wanted !== "all" && !detail.servers?.includes(Number(wanted))) return;
    again();
    clearTimeout(afterwards);
    afterwards = setTimeout(again, AFTERWARDS_MS);
  });
  if (watched.dataset.now) setInterval(() => { if (!document.hidden) plan(); }, REFRESH_MS);
}
