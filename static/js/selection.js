/* Ticked servers of the dashboard: `input[data-select][form=selection]` in each row. The bar is shown when something is
   ticked, and what is ticked stays so when rows are replaced. Once a whole page is ticked, all that match on every page
   can be chosen. */
const bar = () => document.getElementById("selection");
const boxes = () => [...document.querySelectorAll("input[data-select]")];
const ticked = new Set();

const show = () => {
  const form = bar();
  if (!form) return;
  const all = boxes();
  for (const box of all) if (box.checked !== ticked.has(box.value)) box.checked = ticked.has(box.value);
  const there = all.filter((box) => box.checked).length;
  form.classList.toggle("idle", !there);
  const total = Number(document.getElementById("fleet")?.dataset.total ?? 0);
  const { across } = form.elements;
  const offered = there > 0 && there === all.length && total > there;
  const label = across.closest("label");
  if (label.hidden === offered) label.hidden = !offered;
  if (!offered) across.checked = false;
  across.value = total;
  across.nextElementSibling.textContent = across.nextElementSibling.dataset.text.replace("#", total);
  const count = form.querySelector("[data-selected]");
  const words = there ? count.dataset.text.replace("#", across.checked ? total : there) : "";
  if (count.textContent !== words) count.textContent = words;
  for (const every of document.querySelectorAll("[data-select-all]")) {
    every.checked = there > 0 && there === all.length;
    every.indeterminate = there > 0 && there < all.length;
  }
};

let last = null;
const tick = (box, on) => (on ? ticked.add(box.value) : ticked.delete(box.value));

document.addEventListener("click", (event) => {
  const box = event.target.closest?.("input[data-select]");
  if (!box) return;
  const all = boxes();
  if (event.shiftKey && last && all.includes(last)) { // everything from the one before to this one
    const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
    for (const between of all.slice(from, to + 1)) tick(between, box.checked);
  }
  last = box;
});
document.addEventListener("change", (event) => {
  const target = event.target;
  if (target.matches?.("input[data-select]")) tick(target, target.checked);
  else if (target.matches?.("[data-select-all]")) for (const box of boxes()) tick(box, target.checked);
  else if (target.name !== "across") return;
  show();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !ticked.size || document.querySelector("dialog[open], details.menu[open]")) return;
  ticked.clear();
  show();
});
document.addEventListener("selection:done", () => {
  ticked.clear();
  show();
  const dialog = document.getElementById("dialog");
  if (dialog?.open) dialog.close();
});
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-dismiss]")) event.target.closest(".undo").replaceChildren();
});
document.addEventListener("htmx:afterSettle", () => { // another page or another filter: what is not there is not ticked
  const there = new Set(boxes().map((box) => box.value));
  for (const value of ticked) if (!there.has(value)) ticked.delete(value);
  show();
});
for (const box of boxes()) if (box.checked) tick(box, true); // as the browser restored it
show();
