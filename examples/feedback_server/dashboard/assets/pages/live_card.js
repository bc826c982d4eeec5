// One live call as a card, and the question whether it should be cut short.

import { json } from "../api.js";
import { fill, h, hidden, quoted } from "../dom.js";
import * as format from "../format.js";
import { notice } from "../notices.js";
import { statusBadge } from "../parts.js";
import { link } from "../router.js";
import { isOver } from "../status.js";
import { named, texts } from "../texts.js";

const t = texts.live;

/** How many of the last sentences are shown. */
const SENTENCES = 3;

export class LiveCard {
  #signal;
  #status = h("div", { class: "live-status" });
  #duration = h("dd", { class: "ticking" });
  #questions = h("dd");
  #cost = h("dd");
  #said = h("ol", { class: "said" });
  #note = h("p", { class: "muted small" });
  #cancel;
  #sentences = [];

  constructor(call, signal) {
    this.#signal = signal;
    this.#cancel = h("button", { type: "button", class: "button danger", onclick: () => this.#confirm() },
      t.cancel, hidden(` ${call.customerPhone ?? ""}`));
    const fact = (term, value) => h("div", {}, h("dt", {}, term), value);
    this.element = h("article", { class: "card live-card", data: { call: call.id } },
      h("header", {}, h("h3", { class: "phone" }, call.customerPhone ?? format.DASH), this.#status),
      h("dl", { class: "figures" },
        fact(t.duration, this.#duration), fact(t.questions, this.#questions), fact(t.cost, this.#cost)),
      h("p", { class: "label" }, t.said), this.#said, this.#note,
      h("footer", {},
        h("a", { class: "button", href: link(`/calls/${encodeURIComponent(call.id)}`) },
          t.details, hidden(` ${call.customerPhone ?? ""}`)),
        this.#cancel));
    this.update(call);
    this.#showSaid();
  }

  update(call) {
    this.call = call;
    fill(this.#status, statusBadge(call.status));
    fill(this.#questions, format.integer(call.questionsAsked?.length ?? 0));
    this.cost(call.costEstimate);
    fill(this.#note, note(call));
    this.element.classList.toggle("over", isOver(call));
    this.#cancel.hidden = isOver(call);
    this.tick();
  }

  cost(value) {
    this.call = { ...this.call, costEstimate: value };
    fill(this.#cost, format.fineMoney(value));
  }

  said(sentence) {
    this.#sentences = [...this.#sentences, sentence].slice(-SENTENCES);
    this.#showSaid();
  }

  /** A second has gone by. */
  tick() {
    const { connectedAt, endedAt, durationSeconds } = this.call;
    const until = endedAt ? new Date(endedAt) : new Date();
    const counted = connectedAt ? (until - new Date(connectedAt)) / 1000 : null;
    fill(this.#duration, format.clock(durationSeconds ?? counted));
  }

  #showSaid() {
    const line = ({ speaker, text, unheard }) => h("li", { class: `by-${speaker === "agent" ? "agent" : "caller"}` },
      h("span", { class: "who-said" }, named(texts.speaker, speaker)), " ",
      quoted(text ?? ""), unheard && [" ", unheardText(unheard)]);
    if (this.#sentences.length === 0) fill(this.#said, h("li", { class: "muted" }, t.silent));
    else fill(this.#said, this.#sentences.map(line));
  }

  #confirm() {
    const phone = this.call.customerPhone ?? "";
    const close = () => dialog.close();
    const yes = h("button", { type: "button", class: "button danger", onclick: () => {
      yes.disabled = true;
      this.#send(phone).finally(close);
    } }, t.cancelYes);
    const dialog = h("dialog", { "aria-labelledby": "cancel-title", "aria-describedby": "cancel-text", onclose: () => dialog.remove() },
      h("h2", { id: "cancel-title" }, t.cancelTitle),
      h("p", { id: "cancel-text" }, t.cancelText(phone)),
      h("div", { class: "actions" }, h("button", { type: "button", class: "button", autofocus: true, onclick: close }, t.cancelNo), yes));
    document.body.append(dialog);
    this.#signal.addEventListener("abort", () => dialog.open && close());
    dialog.showModal();
  }

  async #send(phone) {
    try {
      const call = await json(`/calls/${encodeURIComponent(this.call.id)}/cancel`, { method: "POST" });
      if (call) this.update(call);
      notice(t.canceled(phone));
    } catch (error) {
      notice(error.status === 409 ? t.cancelOver : t.cancelFailed, "bad");
    }
  }
}

/** Words that were meant but never heard: struck through, and said to be so. */
export function unheardText(text) {
  return h("span", { class: "unheard" },
    h("span", { class: "unheard-mark", "aria-hidden": "true" }, texts.unheard), hidden(texts.unheardLong), " ", h("s", {}, quoted(text)));
}

function note(call) {
  if (isOver(call)) return call.endReason ? named(texts.endReason, call.endReason) : "";
  if (call.nextAttemptAt) return t.nextAttempt(format.time(call.nextAttemptAt));
  return call.attempts > 1 ? t.attempt(call.attempts) : "";
}
