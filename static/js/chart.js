/* Reading a chart: the pointer, or the slider beneath it (arrow keys, Home, End), chooses a part of the time, and what
   its <title> says is shown. Listens on the document, so that a chart that is swapped in needs no set-up. */
const parts = (chart) => [...chart.querySelectorAll("[data-slice]")];

const choose = (chart, index, { said }) => {
  const all = parts(chart);
  const part = all[index];
  if (!part) return;
  chart.querySelector(".chosen")?.classList.remove("chosen");
  part.classList.add("chosen");
  const words = part.querySelector("title").textContent;
  chart.querySelector(".readout").textContent = words;
  const slider = chart.querySelector(".scrubber");
  if (said) slider.setAttribute("aria-valuetext", words);
  else slider.value = index;
};

export const setUp = (within) => {
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
