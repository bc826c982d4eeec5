// The business's questions: which there are, and which are on.

import { fill, h, hidden, quoted } from "../dom.js";
import * as format from "../format.js";
import { announce, notice } from "../notices.js";
import { badge } from "../parts.js";
import * as api from "../questions_api.js";
import { link } from "../router.js";
import { empty, load } from "../states.js";
import { texts } from "../texts.js";

const t = texts.questions;

export function questions({ root, signal, title }) {
  const list = h("div");
  fill(root,
    title(t.title, h("div", { class: "actions" },
      h("a", { class: "button", href: link("/questions/preview") }, t.preview),
      h("a", { class: "button primary", href: link("/questions/new") }, t.create))),
    h("p", { class: "muted lead" }, t.lead),
    list);
  load(list, signal, () => api.all(signal), (found) =>
    found.length === 0 ? empty(t.empty) : h("ul", { class: "questions" }, found.map(item)));
}

function item(question) {
  const element = h("li", { class: "card question" });
  const state = h("span", { "aria-hidden": "true" });
  const control = h("button", { type: "button", role: "switch", class: "switch", "aria-label": t.toggle(question.questionText) },
    h("span", { class: "switch-track", "aria-hidden": "true" }, h("span", { class: "switch-knob" })), state);
  let on = question.isActive;
  const show = () => {
    control.setAttribute("aria-checked", String(on));
    fill(state, on ? t.on : t.off);
    element.classList.toggle("off", !on);
  };
  control.addEventListener("click", async () => {
    on = !on;
    show();
    control.disabled = true;
    try {
      await api.toggle(question, on);
      announce(t.toggled(on));
    } catch {
      on = !on;
      show();
      notice(t.toggleFailed, "bad");
    } finally {
      control.disabled = false;
      control.focus();
    }
  });
  show();
  return fill(element,
    h("p", { class: "question-text" }, quoted(question.questionText)),
    h("div", { class: "badges" },
      badge(t.priority(texts.priority[question.priority] ?? question.priority), `priority-${question.priority === "high" ? "high" : "other"}`),
      badge(t.every(question.frequency)),
      badge(t.time(question.maxResponseTime)),
      question.followUpPrompts?.length > 0 && badge(t.followUps(question.followUpPrompts.length)),
      (question.activeFrom || question.activeUntil) && badge(between(question)),
      h("ul", { class: "tags" }, (question.departmentTags ?? []).map((tag) => h("li", {}, quoted(tag))))),
    h("div", { class: "question-controls" },
      control,
      h("a", { class: "button", href: link(`/questions/${encodeURIComponent(question.id)}`) },
        h("span", { "aria-hidden": "true" }, t.edit), hidden(t.editLong(question.questionText)))));
}

function between({ activeFrom, activeUntil }) {
  const end = (instant) => (instant ? format.dateTime(instant) : "…");
  return t.between(end(activeFrom), end(activeUntil));
}
