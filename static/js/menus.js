/* Menus (`details.menu`) close by Escape, by a click outside and when the focus leaves them. */
const close = (menu, refocus) => {
  menu.open = false;
  if (refocus) menu.querySelector("summary")?.focus();
};

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) close(menu, menu.contains(document.activeElement));
});
for (const name of ["click", "focusin"]) {
  document.addEventListener(name, (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) close(menu, false);
  });
}
