/* Makes an element on the page like a new one by changing only what differs: the focus, an open menu, a tick and a
   half-typed text stay where they are. */
const OWN = new Set(["INPUT", "TEXTAREA", "SELECT"]); // what somebody is typing is theirs

const attributes = (element, wanted) => {
  for (const { name, value } of wanted.attributes) if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  for (const { name } of [...element.attributes]) {
    if (!wanted.hasAttribute(name) && !(name === "open" && element.tagName === "DETAILS")) element.removeAttribute(name);
  }
};

const alike = (node, wanted) => node.nodeType === wanted.nodeType && node.nodeName === wanted.nodeName
  && (node.nodeType !== Node.ELEMENT_NODE || node.id === wanted.id);

export const morph = (element, wanted) => {
  if (element.isEqualNode(wanted)) return false;
  attributes(element, wanted);
  if (OWN.has(element.tagName)) return true;
  let node = element.firstChild;
  for (const next of [...wanted.childNodes]) {
    if (node && !alike(node, next)) { // something was put in, or taken out
      let later = node.nextSibling;
      while (later && !alike(later, next)) later = later.nextSibling;
      if (later && next.id) while (node !== later) { const gone = node; node = node.nextSibling; gone.remove(); }
    }
    if (node && alike(node, next)) {
      if (node.nodeType === Node.ELEMENT_NODE) morph(node, next);
      else if (node.nodeValue !== next.nodeValue) node.nodeValue = next.nodeValue;
      node = node.nextSibling;
    } else {
      element.insertBefore(document.importNode(next, true), node);
    }
  }
  while (node) { const gone = node; node = node.nextSibling; gone.remove(); }
  return true;
};

/* A move without losing the focus, and without reloading what is inside where the browser can. */
export const move = (parent, element, before) => {
  if (element.nextElementSibling === before && element.parentNode === parent) return;
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  if (parent.moveBefore && element.isConnected) parent.moveBefore(element, before);
  else parent.insertBefore(element, before);
  if (focused && document.activeElement !== focused) focused.focus({ preventScroll: true });
};
