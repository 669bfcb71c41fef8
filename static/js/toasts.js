/* Short notes at the edge of the page, by the event `toast` with {text, level}; read out politely. They stay for a while,
   longer when they say that something went wrong, and as long as pointer or focus is on them. */
import { word } from "./words.js";

const SECONDS = { success: 6, info: 6, warning: 12, error: 20 };

export const toast = (text, level = "info") => {
  const region = document.getElementById("toasts");
  if (!region) return;
  const note = document.createElement("div");
  note.className = `toast ${level}`;
  const words = document.createElement("p");
  words.textContent = text;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet icon";
  button.textContent = "✕";
  button.setAttribute("aria-label", word("dismiss"));
  button.addEventListener("click", () => note.remove());
  note.append(words, button);
  region.append(note);
  let left = SECONDS[level] ?? SECONDS.info;
  const timer = setInterval(() => {
    if (!note.matches(":hover, :focus-within")) left -= 1;
    if (left <= 0 || !note.isConnected) { clearInterval(timer); note.remove(); }
  }, 1000);
};

document.addEventListener("toast", (event) => toast(event.detail.text ?? event.detail.value ?? "", event.detail.level));
document.addEventListener("htmx:sendError", () => toast(word("no_answer"), "error"));
document.addEventListener("htmx:responseError", (event) => {
  const status = event.detail.xhr?.status;
  if (status === 401 || status === 403) toast(word("not_allowed"), "error");
  else toast(word("went_wrong", { status }), "error");
});
