// Short messages that come and go, and what screen readers are told of changes.

import { fill, h } from "./dom.js";

const SHOWN_MS = 5000;

const shown = h("div", { class: "notices" });
// The spoken one is apart: it says more than is worth showing.
const spoken = h("div", { class: "visually-hidden", role: "status", "aria-live": "polite" });

export const regions = [shown, spoken];

/** Shows a message for a while and has it read out. */
export function notice(text, kind = "info") {
  const message = h("p", { class: `notice ${kind}` }, text);
  shown.append(message);
  setTimeout(() => message.remove(), SHOWN_MS);
  announce(text);
}

/** Has a message read out only. */
export function announce(text) {
  fill(spoken, h("p", {}, text));
}
