/* The texts that scripts say, in the page's language: templates/base.html brings them along as JSON. */
const found = document.getElementById("words");
const texts = found ? JSON.parse(found.textContent) : {};

export const word = (name, values = {}) =>
  (texts[name] ?? name).replace(/%\((\w+)\)[sd]/g, (whole, key) => (key in values ? String(values[key]) : whole));
