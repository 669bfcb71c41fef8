/* Reading a chart: the pointer, or the slider beneath it (arrow keys, Home, End), chooses a part of the time, and what
   its <title> says is shown. Its times are told in the reader's zone, with the server's on hover; where no script runs
   they are the server's. Listens on the document, so that a chart that is swapped in needs no set-up. */
import { elsewhere, hourWords, instantWords, serverZone, zone } from "./clock.js";
import { word } from "./words.js";

const DAY = 86400;
const QUARTER = 900; // some zones are so many seconds off
const FIRST_DAY = 719163; // 1970-01-01 as Python counts days
const EDGE = .03; // as monitors.charts.latency.EDGE
const { lang } = document.documentElement;
const month = lang === "ko" ? "numeric" : "short"; // seven of 11월 17일 have no room in a narrow window
const short = new Intl.DateTimeFormat(lang, { month, day: "numeric" });

const momentWords = (seconds) => {
  const at = new Date(seconds * 1000);
  return `${short.format(at)} ${hourWords(at)}`;
};
/* As monitors.templatetags.figures.span and .instant_label. */
const spanWords = (from, to) => {
  const [begin, end] = [new Date(from * 1000), new Date(to * 1000)];
  const long = to - from >= DAY;
  if (long && hourWords(begin) === "00:00" && hourWords(end) === "00:00") return short.format(begin);
  return `${short.format(begin)} ${hourWords(begin)}–${long ? `${short.format(end)} ` : ""}${hourWords(end)}`;
};
const labelWords = (at, length) => {
  const hour = hourWords(at);
  return length <= DAY && hour !== "00:00" ? hour : short.format(at);
};

/* As monitors.charts.scale.instants, with the reader's clock. */
const instants = ({ begin, end, hours, days }) => {
  const found = [];
  let reached = Infinity;
  for (let at = Math.ceil(begin / QUARTER) * QUARTER - QUARTER; at <= end; at += QUARTER) {
    const local = new Date(at * 1000);
    const day = Date.UTC(local.getFullYear(), local.getMonth(), local.getDate()) / DAY / 1000 + FIRST_DAY;
    const part = day * 24 + Math.floor(local.getHours() / hours);
    if (part > reached && (hours < 24 || !(day % days))) found.push(local);
    reached = reached === Infinity ? part : Math.max(reached, part);
  }
  return found;
};

const drawn = (name, attributes) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

const label = (figure) => {
  const reach = Object.fromEntries(Object.entries(figure.dataset).map(([name, text]) => [name, Number(text)]));
  const length = reach.end - reach.begin;
  figure.querySelector(".instants").replaceChildren(...instants(reach).flatMap((at) => {
    const share = (at / 1000 - reach.begin) / length;
    if (share < EDGE || share > 1 - EDGE) return [];
    const x = `${(100 * share).toFixed(3)}%`;
    const text = drawn("text", { class: "instant", x, y: 192 });
    text.textContent = labelWords(at, length);
    text.append(drawn("title", {}));
    text.lastChild.textContent = instantWords(at);
    return [drawn("line", { class: "tick", x1: x, x2: x, y1: 174, y2: 178 }), text];
  }));
};

const atServer = (time) => word("server_time", { time, zone: serverZone });

const tellHere = (section) => {
  section.dataset.zone = zone;
  for (const figure of section.querySelectorAll("svg[data-begin]")) label(figure);
  for (const element of section.querySelectorAll("[data-from]")) {
    const { from, to, words } = element.dataset;
    const title = element.querySelector("title");
    if (!title) { // a row of the table
      element.title = atServer(element.textContent);
      element.textContent = spanWords(from, to);
      continue;
    }
    const [there, ...more] = title.textContent.split(" · ");
    const here = words ? words.replace("%(from)s", momentWords(from)).replace("%(to)s", momentWords(to)) : spanWords(from, to);
    title.textContent = `${[here, ...more].join(" · ")}\n${atServer(there)}`;
  }
  for (const element of section.querySelectorAll("[data-zoned]")) {
    element.textContent = element.textContent.replace(serverZone, zone);
  }
};
const parts = (chart) => [...chart.querySelectorAll("[data-slice]")];

const choose = (chart, index, { said }) => {
  const all = parts(chart);
  const part = all[index];
  if (!part) return;
  chart.querySelector(".chosen")?.classList.remove("chosen");
  part.classList.add("chosen");
  const [words, there = ""] = part.querySelector("title").textContent.split("\n");
  const readout = chart.querySelector(".readout");
  readout.textContent = words;
  readout.title = there;
  const slider = chart.querySelector(".scrubber");
  if (said) slider.setAttribute("aria-valuetext", words);
  else slider.value = index;
};

export const setUp = (within) => {
  if (elsewhere) for (const section of within.querySelectorAll(".latency:not([data-zone])")) tellHere(section);
  for (const slider of within.querySelectorAll(".scrubber[hidden]")) {
    slider.hidden = false;
    choose(slider.closest("[data-chart]"), Number(slider.value), { said: true });
  }
};

document.addEventListener("input", (event) => {
  if (!event.target.matches?.(".scrubber")) return;
  choose(event.target.closest("[data-chart]"), Number(event.target.value), { said: true });
});
document.addEventListener("pointerover", (event) => {
  const part = event.target.closest?.("[data-slice]");
  if (!part) return;
  const chart = part.closest("[data-chart]");
  choose(chart, parts(chart).indexOf(part), { said: false });
});
document.addEventListener("htmx:afterSwap", () => setUp(document));
setUp(document);
