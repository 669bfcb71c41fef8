/* Light or dark, before anything is painted: a classic script, loaded in the head without `defer`.
   "auto" follows the system. The choice is this browser's own and is kept in its storage. */
"use strict";
(() => {
  const CHOICES = ["light", "dark"];
  const root = document.documentElement;

  const stored = () => {
    try { return localStorage.getItem("theme"); } catch { return null; } // storage may be forbidden
  };
  const apply = (choice) => {
    if (CHOICES.includes(choice)) root.dataset.theme = choice;
    else delete root.dataset.theme;
  };
  const mark = () => {
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === (root.dataset.theme ?? "auto")));
    }
  };

  apply(stored());
  document.addEventListener("DOMContentLoaded", mark);
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-theme-choice]");
    if (!button) return;
    const choice = button.dataset.themeChoice;
    try { localStorage.setItem("theme", choice); } catch { /* it holds for this page */ }
    apply(choice);
    mark();
  });
  addEventListener("storage", (event) => { // switched in another tab
    if (event.key === "theme") { apply(event.newValue); mark(); }
  });
})();
