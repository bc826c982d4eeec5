// The calls that are going on now: a card each, changed by the stream of events as things happen.

import { json } from "../api.js";
import { fill, h } from "../dom.js";
import { announce } from "../notices.js";
import * as session from "../session.js";
import { empty, loading } from "../states.js";
import { isOver } from "../status.js";
import { follow } from "../stream.js";
import { named, texts } from "../texts.js";
import { LiveCard } from "./live_card.js";

const t = texts.live;

/** How many calls that just ended stay in view. */
const RECENT = 6;

/** The most the list of live calls is read by at once. */
const LIST_LIMIT = 100;

export function live({ root, signal, title }) {
  const cards = new Map();
  const grid = h("div", { class: "cards" });
  const recent = h("div", { class: "cards" });
  const recentPart = h("section", { hidden: true, "aria-labelledby": "recent" }, h("h2", { id: "recent" }, t.recent), recent);
  const count = h("p", { class: "muted lead", "aria-live": "polite" });
  const state = h("p", { class: "connection", role: "status" });
  fill(root, title(t.title, state), count, grid, recentPart);
  fill(grid, loading());

  // What the server has named since the connection was made; the rest ended while nobody listened.
  let seen = new Set();
  let known = false;

  const arrange = () => {
    const all = [...cards.values()].sort((a, b) => (a.call.startedAt < b.call.startedAt ? 1 : -1));
    const going = all.filter((card) => !isOver(card.call));
    const ended = all.filter((card) => isOver(card.call));
    for (const card of ended.splice(RECENT)) cards.delete(card.call.id);
    place(grid, going.map((card) => card.element));
    place(recent, ended.map((card) => card.element));
    recentPart.hidden = ended.length === 0;
    if (going.length === 0) fill(grid, known ? empty(t.empty) : loading());
    fill(count, known ? t.count(going.length) : "");
  };
  const take = (call) => {
    const card = cards.get(call.id);
    // A call that was over before anybody looked is for the list of all calls.
    if (!card && isOver(call)) return;
    if (card && isOver(card.call)) return;
    if (card?.call.status !== call.status && known) {
      announce(t.announceStatus(call.customerPhone ?? "", named(texts.status, call.status)));
    }
    if (card) card.update(call);
    else cards.set(call.id, new LiveCard(call, signal));
    arrange();
  };
  const onEvent = (event, data) => {
    if (event === "call") {
      seen.add(data.id);
      take(data);
    } else if (event === "ended") {
      take(data);
    } else if (event === "said") {
      cards.get(data.callId)?.said(data);
    } else if (event === "cost") {
      cards.get(data.callId)?.cost(data.costEstimate);
    }
  };
  const reconcile = async () => {
    const query = { businessId: session.business(), status: "live", limit: LIST_LIMIT };
    const { calls, pagination } = await json("/calls", { query, signal });
    known = true;
    for (const call of calls) onEvent("call", call);
    if (!pagination?.hasNext) {
      for (const [id, card] of cards) if (!seen.has(id) && !isOver(card.call)) cards.delete(id);
    }
    arrange();
  };
  const onState = (now) => {
    state.dataset.state = now;
    fill(state, h("span", { class: "dot", "aria-hidden": "true" }), t.connection[now]);
    if (now !== "open") return;
    seen = new Set();
    // The stream goes on without the list; the next connection asks again.
    reconcile().catch(() => {});
  };
  const ticking = setInterval(() => cards.forEach((card) => card.tick()), 1000);
  signal.addEventListener("abort", () => clearInterval(ticking));
  follow("/calls/live", { query: { businessId: session.business() }, signal, onEvent, onState });
}

/** Puts elements in this order, moving only those that are elsewhere: what has the focus keeps it. */
function place(parent, elements) {
  const wanted = new Set(elements);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  elements.forEach((element, i) => {
    if (parent.children[i] !== element) parent.insertBefore(element, parent.children[i] ?? null);
  });
}
