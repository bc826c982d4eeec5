// Makes elements. The only way anything gets onto the page: text is always text, never markup.

/** Addresses an element may carry: within this page, or made by this page. */
const OWN_ADDRESS = /^(#|blob:|data:image\/svg\+xml;)/;

/**
 * An element. `on…` attributes are listeners, `class` is a string, `style` an object of properties, `data` an object;
 * `false`, `null` and `undefined` leave an attribute or a child out.
 */
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") {
      if (!key.startsWith("on")) throw new TypeError(`${key} is not a listener`);
      element.addEventListener(key.slice(2), value);
    } else if (key.startsWith("on")) {
      throw new TypeError(`${key} must be a function`);
    } else if (key === "style") {
      for (const [property, text] of Object.entries(value)) element.style.setProperty(property, text);
    } else if (key === "data") {
      Object.assign(element.dataset, value);
    } else if (key === "value" || key === "checked" || key === "selected" || key === "disabled") {
      element[key] = value;
    } else {
      if ((key === "href" || key === "src") && !OWN_ADDRESS.test(value)) throw new TypeError(`a foreign ${key}`);
      element.setAttribute(key, value === true ? "" : String(value));
    }
  }
  element.append(...nodes(children));
  return element;
}

/** Replaces everything in `element`. */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

/** Text somebody else wrote: kept apart, so that its writing direction stays its own. */
export function quoted(text, attributes = {}) {
  return h("bdi", { ...attributes, class: `quoted ${attributes.class ?? ""}`.trim() }, text);
}

/** Text for screen readers only. */
export function hidden(text) {
  return h("span", { class: "visually-hidden" }, text);
}

function nodes(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== undefined && child !== null && child !== false)
    .map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));
}
