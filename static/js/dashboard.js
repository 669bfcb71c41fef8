/* Keeps an open dashboard true: the rows that changed come with the news. It fetches them where they do not, and those
   on the screen now and then. */
import { tick } from "./clock.js";
import { narrowed, showDown } from "./live.js";
import { morph, move } from "./morph.js";
import { toast } from "./toasts.js";
import { word } from "./words.js";

const GATHER_MS = 150; // changes come in flocks
const PAUSE_MS = 900; // between two requests of one page
const REFRESH_MS = 30000; // what is on the screen, for latency, strip and next probe
const MOST_ROWS = 100;

const root = document.documentElement;
const board = () => document.getElementById("board");
const fleet = () => document.getElementById("fleet");
const idOf = (row) => Number(row.id.slice(1));
const parsed = (html) => new DOMParser().parseFromString(html, "text/html");
const order = new Intl.Collator(undefined, { sensitivity: "base" });

if (board()) showDown(Number(board().dataset.down));

/* Whether one row stands above another: negative, 0, positive. Only by state and by name is a change of place shown at
   once; by a column of numbers, rows that jump under the pointer would help nobody. */
const HEALTH = ["unhealthy", "unknown", "paused", "healthy"]; // worst first, as monitors.dashboard.listing sorts
const ENVIRONMENTS = ["LIVE", "STAGE", "DEV", "UNKNOWN"];
const FINE = HEALTH.length;
const rank = (row) => {
  const health = HEALTH.findIndex((name) => row.classList.contains(`row-${name}`));
  return HEALTH[health] === "healthy" && !row.classList.contains("stale") ? FINE : health;
};
const weight = (row) => (rank(row) === FINE ? 0 : ENVIRONMENTS.indexOf(row.querySelector(".place .badge").textContent));
const compare = (table, a, b) => {
  const name = (row) => row.querySelector(".name a").textContent;
  const by = { state: () => rank(a) - rank(b) || weight(a) - weight(b) || order.compare(name(a), name(b)),
    name: () => order.compare(name(a), name(b)) }[table.dataset.sort];
  return by ? by() : null;
};

const place = (table, row, isNew) => {
  const body = table.tBodies[0];
  const others = [...body.rows].filter((other) => other !== row);
  if (others.length && compare(table, row, others[0]) === null) {
    if (isNew) row.remove();
    return;
  }
  const next = others.find((other) => compare(table, row, other) < 0) ?? null;
  const before = next === others[0] && !("first" in table.dataset);
  const after = next === null && !("last" in table.dataset);
  if (isNew && (before || after)) return; // it belongs on another page
  move(body, row, next);
  if (body.rows.length > MOST_ROWS && !body.lastElementChild.contains(document.activeElement)) body.lastElementChild.remove();
};

const update = (asked, html) => {
  const table = fleet();
  if (!table) return reload();
  const rows = new Map([...parsed(html).querySelectorAll("tr[id]")].map((row) => [row.id, row]));
  for (const id of asked) {
    const shown = document.getElementById(`s${id}`);
    const wanted = rows.get(`s${id}`);
    if (!wanted) shown?.remove();
    else if (shown) {
      const changed = shown.className !== wanted.className;
      morph(shown, wanted);
      if (changed) { place(table, shown, false); flash(shown); }
    } else {
      const row = document.importNode(wanted, true);
      place(table, row, true);
      if (row.isConnected) flash(row);
    }
  }
  tick(table);
};

const flash = (row) => {
  row.classList.add("changed");
  setTimeout(() => row.classList.remove("changed"), 2500);
};

/* The whole list, when too much changed to go row by row. */
const reload = async () => {
  const answer = await fetch(location.href, { headers: { "HX-Request": "true", "HX-Current-URL": location.href } });
  if (!answer.ok || answer.redirected) return;
  const list = document.getElementById("servers");
  if (!list) { location.reload(); return; } // the first server
  const wanted = list.cloneNode(false);
  wanted.append(...parsed(await answer.text()).body.childNodes);
  morph(list, wanted);
  htmx.process(list);
  tick(list);
};

const waiting = new Set();
const told = new Set(); // rows that came with news while an answer was under way, which may be older
let everything = false;
let timer = null;
let busy = false;

const flush = async () => {
  timer = null;
  if (busy) { plan(PAUSE_MS); return; }
  busy = true;
  const ids = [...waiting];
  const all = everything || ids.length > MOST_ROWS;
  waiting.clear();
  told.clear();
  everything = false;
  try {
    if (all) {
      await reload();
      for (const id of told) waiting.add(id);
    }
    else if (ids.length) {
      const asked = location.search;
      const query = new URLSearchParams(asked);
      query.set("ids", ids.join(","));
      query.set("late", board()?.dataset.late ?? "false");
      const answer = await fetch(`${document.getElementById("servers").dataset.rows}?${query}`);
      const html = answer.ok && !answer.redirected ? await answer.text() : null;
      if (location.search !== asked) everything = true; // another question meanwhile: these rows may not belong there
      else if (html !== null) update(ids.filter((id) => !told.has(id)), html);
    }
  } catch { /* the stream says when the connection is lost, and the next refresh catches up */ } finally {
    busy = false;
    if (waiting.size || everything) plan(PAUSE_MS);
  }
};
const plan = (delay) => { timer ??= setTimeout(flush, delay); };

document.addEventListener("live:change", (event) => {
  const shown = board();
  if (!shown) return;
  const { servers = [], all, board: html, rows, late, down } = event.detail;
  if (down !== undefined) shown.dataset.down = String(down);
  if (late !== undefined && String(late) !== shown.dataset.late) { shown.dataset.late = String(late); everything = true; }
  if (html !== undefined) {
    const wanted = shown.cloneNode(false);
    wanted.innerHTML = html;
    morph(shown, wanted);
    tick(shown);
  }
  everything ||= Boolean(all);
  if (event.detail.narrowed === undefined) doubt(); // asked for, where no stream tells who was seen again
  if (rows !== undefined && !everything && event.detail.narrowed === narrowed()) {
    update(servers, rows);
    for (const id of servers) { waiting.delete(id); told.add(id); }
  } else for (const id of servers) waiting.add(id);
  if (waiting.size || everything) plan(GATHER_MS);
});

/* What is on the screen grows old although nothing changes its state: latency, strip, uptime, next probe. */
const visible = () => [...(fleet()?.tBodies[0].rows ?? [])].filter((row) => {
  const box = row.getBoundingClientRect();
  return box.bottom > 0 && box.top < innerHeight;
});
setInterval(() => {
  if (document.hidden || root.dataset.connection === "lost") return;
  for (const row of visible()) waiting.add(idOf(row));
  if (waiting.size) plan(Math.random() * 2000);
}, REFRESH_MS);
/* Of a row that grows stale the monitor tells also those who were away; not of one that was seen again. */
const doubt = () => {
  if (board().dataset.late !== "true") for (const row of fleet()?.tBodies[0].querySelectorAll("tr.stale") ?? []) waiting.add(idOf(row));
};
document.addEventListener("live:state", ({ detail }) => {
  if (detail.state !== "live" || !board()) return;
  doubt();
  if (waiting.size) plan(Math.random() * 2000);
});
let hiddenAt = 0;
document.addEventListener("visibilitychange", () => {
  if (document.hidden) hiddenAt = Date.now();
  else if (Date.now() - hiddenAt > REFRESH_MS) { for (const row of visible()) waiting.add(idOf(row)); plan(0); }
});

/* The switch of a row. Without a script it is a form that loads the page anew. */
document.addEventListener("submit", async (event) => {
  if (event.target.id !== "notify" || !event.submitter) return;
  event.preventDefault();
  const button = event.submitter;
  const id = idOf(button.closest("tr"));
  const data = new FormData(event.target);
  data.set(button.name, button.value);
  button.disabled = true;
  try {
    const answer = await fetch(location.pathname, { method: "POST", body: data, headers: { "X-Row": "true" } });
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    button.disabled = false;
    update([id], await answer.text());
  } catch {
    toast(word("not_allowed"), "error");
  } finally {
    button.disabled = false;
    if (document.activeElement === document.body) button.focus({ preventScroll: true });
  }
});

/* "Show all" is there when there is something to undo, wherever the address came from. */
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.target?.id !== "servers") return;
  const link = document.getElementById("show-all");
  const query = new URLSearchParams(location.search);
  if (link) link.hidden = !narrowed();
  const sort = document.querySelector("#filters [name=sort]");
  if (sort) sort.value = query.get("sort") ?? "";
  tick();
});

/* "/" goes to the search, as in many places. */
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.closest?.("input, textarea, select, dialog")) return;
  const search = document.querySelector("#filters input[type=search]");
  if (search) { event.preventDefault(); search.focus(); search.select(); }
});
