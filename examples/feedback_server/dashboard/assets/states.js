// What a page shows while it waits, when there is nothing, and when something went wrong.

import { fill, h } from "./dom.js";
import { texts } from "./texts.js";

/** A wait shorter than this is not worth a sign. */
const PATIENCE_MS = 150;

/** How long a server that cannot be reached is left alone, although there is a network. */
const PAUSE_MS = 5000;

/**
 * Fetches with `get` and shows the result with `show`, both in `root`; tries again when asked to, after the pause the
 * server wants, or when the network is back. Does nothing more once `signal` is aborted.
 */
export async function load(root, signal, get, show) {
  root.setAttribute("aria-busy", "true");
  const timer = setTimeout(() => fill(root, loading()), PATIENCE_MS);
  try {
    const data = await get();
    clearTimeout(timer);
    if (!signal.aborted) fill(root, show(data));
  } catch (error) {
    clearTimeout(timer);
    if (signal.aborted || error.name === "AbortError") return;
    if (error.status === undefined) console.error(error);
    fill(root, failed(error, signal, () => load(root, signal, get, show)));
  } finally {
    clearTimeout(timer);
    root.removeAttribute("aria-busy");
  }
}

export function loading() {
  const line = (width) => h("span", { class: "skeleton", style: { width } });
  return h("div", { class: "loading", role: "status" },
    h("span", { class: "visually-hidden" }, texts.state.loading), line("40%"), line("90%"), line("75%"));
}

export function empty({ title, text }, ...more) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), h("p", { class: "muted" }, text), more);
}

/** A failed request, with what can be done about it. `again` is called at most once. */
export function failed(error, signal, again) {
  const { title, text } = words(error);
  const detail = h("p", { class: "muted" }, typeof text === "function" ? text(error.retryAfter ?? 1) : text);
  const over = new AbortController();
  const go = () => {
    if (over.signal.aborted) return;
    over.abort();
    again();
  };
  signal.addEventListener("abort", () => over.abort(), { signal: over.signal });
  if (error.status === 429) countDown(error.retryAfter ?? 1, over.signal, (left) => fill(detail, text(left)), go);
  if (error.status === 0) waitForNetwork(over.signal, go);
  return h("div", { class: "failed", role: "alert" },
    h("p", { class: "empty-title" }, title),
    detail,
    error.status >= 500 && error.requestId && h("p", { class: "muted small" }, texts.state.reference(error.requestId)),
    h("button", { type: "button", class: "button", onclick: go }, texts.state.retry));
}

function words({ status }) {
  if (status === 0) return texts.state.unreachable;
  if (status === 429) return texts.state.tooMany;
  if (status === 404) return texts.state.notFound;
  if (status === 403) return texts.state.forbidden;
  return texts.state.failed;
}

/** A network that is back may need a moment until it carries anything. */
function waitForNetwork(signal, done) {
  window.addEventListener("online", done, { signal });
  if (!navigator.onLine) return;
  const timer = setTimeout(done, PAUSE_MS);
  signal.addEventListener("abort", () => clearTimeout(timer));
}

function countDown(seconds, signal, show, done) {
  let left = seconds;
  const timer = setInterval(() => {
    left -= 1;
    if (left > 0) return show(left);
    clearInterval(timer);
    return done();
  }, 1000);
  signal.addEventListener("abort", () => clearInterval(timer));
}
