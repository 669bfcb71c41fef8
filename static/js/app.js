/* What every page runs. Each part listens on the document, so that what is swapped in later needs no set-up. */
import "./clock.js";
import "./dashboard.js";
import "./live.js";
import "./dialog.js";
import "./menus.js";
import "./strip.js";
import "./toasts.js";

/* Whoever was logged out meanwhile gets the login as a page, not in the place of a table. */
document.addEventListener("htmx:beforeSwap", (event) => {
  const answered = new URL(event.detail.xhr.responseURL || location.href, location.href);
  if (answered.pathname === "/login/" && location.pathname !== "/login/") {
    event.detail.shouldSwap = false;
    location.assign(`/login/?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
});
