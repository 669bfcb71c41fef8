/* Links with data-dialog open their page in a dialog; without this script they lead to a page of its own.

   The dialog is one for the whole page and is emptied when it closes, which gives the focus back to the link. What was
   typed is not thrown away without a question. */
const SHOWN_AS_THEY_ARE = [409, 413, 422]; // refusals that say what to do about them

const made = () => {
  const dialog = document.createElement("dialog");
  dialog.id = "dialog";
  dialog.className = "dialog";
  dialog.setAttribute("aria-labelledby", "dialog-title");
  dialog.addEventListener("cancel", (event) => { // Escape
    event.preventDefault();
    leave(dialog);
  });
  dialog.addEventListener("close", () => dialog.replaceChildren());
  document.body.append(dialog);
  return dialog;
};
const dialog = document.getElementById("dialog") ?? made();

let touched = false;
dialog.addEventListener("input", () => { touched = true; });

const leave = () => {
  const question = touched && dialog.querySelector("[data-discard]")?.dataset.discard;
  if (!question || confirm(question)) dialog.close();
};

document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-close]") && dialog.contains(event.target)) leave();
  const link = event.target.closest?.("a[data-dialog]");
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
  htmx.ajax("GET", link.href, { source: link, target: "#dialog", swap: "innerHTML" });
});

document.addEventListener("htmx:beforeSwap", (event) => {
  if (!SHOWN_AS_THEY_ARE.includes(event.detail.xhr.status)) return;
  event.detail.shouldSwap = true;
  event.detail.isError = false;
});
dialog.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target === dialog && !dialog.open && event.detail.shouldSwap) { // an answer may have another target
    touched = false;
    dialog.showModal();
  }
});

/* A page that is replaced or loaded anew closes it; so does a form that is done without either. */
addEventListener("pagehide", () => { touched = false; });

/* What a setting left empty inherits depends on the environment that is chosen. */
document.addEventListener("change", (event) => {
  if (event.target.name !== "environment") return;
  for (const input of event.target.form?.querySelectorAll("[data-inherited]") ?? []) {
    input.placeholder = JSON.parse(input.dataset.inherited)[event.target.value] ?? "";
  }
});
