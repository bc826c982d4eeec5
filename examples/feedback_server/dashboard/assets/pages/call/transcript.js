// What was said, by whom, and what the caller never heard of it.

import { fill, h, quoted } from "../../dom.js";
import * as format from "../../format.js";
import { named, texts } from "../../texts.js";
import { unheardText } from "../live_card.js";

const t = texts.call;

export class Transcript {
  #player;
  #lines = [];

  constructor(lines, player) {
    this.#player = player;
    this.element = h("ol", { class: "transcript" });
    if (lines.length === 0) fill(this.element, h("li", { class: "muted" }, t.transcriptEmpty));
    for (const line of lines) this.#append(line);
    player.onTime = (ms) => this.#mark(ms);
    player.onReady = () => this.#lines.forEach((line) => this.#makePlayable(line));
  }

  /** A sentence of a call that is going on. */
  add({ speaker, atMs, text, unheard }) {
    this.#append({ speaker, fromMs: atMs, untilMs: atMs, text, unheard });
  }

  #append(line) {
    if (this.#lines.length === 0) fill(this.element);
    const agent = line.speaker === "agent";
    const when = h("span", { class: "when" }, line.estimated && `${t.about} `, format.clock(line.fromMs / 1000));
    const element = h("li", { class: `line by-${agent ? "agent" : "caller"}` },
      h("div", { class: "line-head" }, h("span", { class: "who-said" }, named(texts.speaker, line.speaker)), when),
      h("p", {}, line.text && quoted(line.text), line.text && line.unheard && " ", line.unheard && unheardText(line.unheard)));
    this.#lines.push({ element, when, ...line });
    this.element.append(element);
  }

  #makePlayable({ element, when, fromMs }) {
    const at = when.textContent;
    element.addEventListener("click", () => this.#player.seek(fromMs));
    when.replaceWith(h("button", { type: "button", class: "when", "aria-label": t.play(at) }, at));
  }

  #mark(ms) {
    for (const { element, fromMs, untilMs } of this.#lines) {
      if (fromMs <= ms && ms < Math.max(untilMs, fromMs + 1)) element.setAttribute("aria-current", "true");
      else element.removeAttribute("aria-current");
    }
  }
}
