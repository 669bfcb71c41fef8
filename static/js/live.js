/* What changes is told by the monitor (server-sent events), and every part of a page hears it as events of the document:

     live:change      detail {servers: [ids], all: true when too many changed to name them, board: HTML or undefined,
                              rows: HTML of those servers, or undefined, narrowed: what narrowed the list down then}
     live:state       detail {state: "live" | "polling" | "lost"}

   While the stream is away, the same is asked for every few seconds; when that fails too, the page says so and greys what
   may no longer be true. The title and the favicon say how many servers are down. */
import { setServerNow } from "./clock.js";
import { word } from "./words.js";

const POLL_SECONDS = 10;
const SILENCE_SECONDS = 40; // the stream says something every 15
const UNSEEN_SECONDS = 60; // a browser has six connections to a host: tabs that nobody looks at leave theirs to others
const root = document.documentElement;
const label = document.getElementById("live");

let stream = null;
let latest = String(Date.parse(root.dataset.now) || ""); // id of the last event, to catch up from
let heardAt = performance.now();
let poll = null;

const say = (state) => {
  if (root.dataset.connection === state) return;
  root.dataset.connection = state;
  label.dataset.state = state;
  const words = document.createElement("span");
  words.textContent = word(`connection_${state}`);
  label.replaceChildren(words);
  document.dispatchEvent(new CustomEvent("live:state", { detail: { state } }));
};

/* The favicon with the number of servers down: drawn, so that no picture is needed for each number. */
const plain = document.getElementById("favicon")?.href;
const favicon = (down) => {
  const link = document.getElementById("favicon");
  if (!link) return;
  if (!down) { link.href = plain; return; }
  const text = down > 99 ? "99" : String(down);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#b42318"/>`
    + `<text x="16" y="23" text-anchor="middle" font-family="sans-serif" font-weight="700" font-size="20" fill="#fff">${text}</text></svg>`;
  link.href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
};
export const showDown = (down) => {
  document.title = document.title.replace(/^(\(\d+\) )?/, down ? `(${down}) ` : "");
  favicon(down);
};

const hear = (detail) => {
  heardAt = performance.now();
  if (detail.id) latest = detail.id;
  if (detail.now) setServerNow(detail.now);
  if (detail.down !== undefined) showDown(detail.down);
  document.dispatchEvent(new CustomEvent("live:change", { detail }));
};

const ask = async () => {
  try {
    const answer = await fetch(`${label.dataset.snapshot}?since=${encodeURIComponent(latest)}`, {
      headers: { Accept: "application/json" }, redirect: "error", signal: AbortSignal.timeout(8000),
    });
    if (answer.status === 401 || answer.status === 403) { location.reload(); return; }
    if (!answer.ok) throw new Error(String(answer.status));
    hear(await answer.json());
    if (stream?.readyState !== EventSource.OPEN) say("polling");
  } catch {
    if (stream?.readyState !== EventSource.OPEN) say("lost");
  }
};

const lost = () => {
  if (poll) return;
  ask();
  poll = setInterval(ask, POLL_SECONDS * 1000);
};
const found = () => {
  clearInterval(poll);
  poll = null;
  say("live");
};

/* What narrows the list of servers down, without its order. */
export const narrowed = () => {
  const query = [...new URLSearchParams(location.search)];
  return new URLSearchParams(query.filter(([name, value]) => value && name !== "sort" && name !== "page")).toString();
};

const connect = () => {
  stream?.close();
  heardAt = performance.now();
  const asked = narrowed();
  const board = document.getElementById("board") ? `&board=1&${asked}` : "";
  stream = new EventSource(`${label.dataset.events}?since=${encodeURIComponent(latest)}${board}`);
  stream.addEventListener("open", found);
  stream.addEventListener("change", (event) => hear({ ...JSON.parse(event.data), narrowed: asked }));
  stream.addEventListener("alive", (event) => { heardAt = performance.now(); setServerNow(JSON.parse(event.data).now); });
  stream.addEventListener("error", () => {
    lost();
    if (stream.readyState === EventSource.CLOSED) setTimeout(connect, 5000 + Math.random() * 5000);
  });
};

if (label) {
  connect();
  setInterval(() => { // a connection that is dead without knowing it
    const left = document.hidden && stream.readyState === EventSource.CLOSED;
    if (!left && performance.now() - heardAt > SILENCE_SECONDS * 1000) { lost(); connect(); }
  }, 5000);
  let unseen = null;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(unseen);
    if (document.hidden) unseen = setTimeout(() => { stream.close(); lost(); }, UNSEEN_SECONDS * 1000);
    else if (stream.readyState === EventSource.CLOSED) connect();
  });
  addEventListener("offline", () => { say("lost"); });
  addEventListener("online", connect);
  addEventListener("pagehide", () => stream?.close());
  addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
}
