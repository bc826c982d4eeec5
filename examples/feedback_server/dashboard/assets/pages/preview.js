// Which questions a customer would be asked, and why: a selection tried out, without a trace.

import { json } from "../api.js";
import { fill, h, quoted } from "../dom.js";
import * as format from "../format.js";
import { badge } from "../parts.js";
import { link } from "../router.js";
import * as session from "../session.js";
import { empty, load } from "../states.js";
import { named, texts } from "../texts.js";
import { whole } from "./question_form.js";

const t = texts.preview;
const TIME_BUDGET = [60, 120];

export function preview({ root, query, signal, title, go }) {
  const result = h("div", { "aria-live": "polite" });
  const wanted = { customerCount: "1", timeBudgetSeconds: "90", tags: "", ...query };
  fill(root,
    h("p", { class: "back" }, h("a", { href: link("/questions") }, `← ${texts.form.back}`)),
    title(t.title), h("p", { class: "muted lead" }, t.lead),
    form(wanted, (values) => go("/questions/preview", values)), result);
  // Asked for by the address, so that a preview can be kept as a bookmark.
  if (query.customerCount === undefined || Object.keys(check(wanted)).length > 0) return;
  const tags = wanted.tags.split(",").map((tag) => tag.trim()).filter(Boolean).join(",");
  const request = { businessId: session.business(), customerCount: wanted.customerCount, timeBudgetSeconds: wanted.timeBudgetSeconds, tags };
  load(result, signal, () => json("/questions/select", { query: request, signal }),
    (selection) => shown(selection, Number(wanted.timeBudgetSeconds)));
}

function form(wanted, show) {
  const input = (name, attributes) => h("input", { id: name, name, value: wanted[name], ...attributes });
  const controls = {
    customerCount: input("customerCount", { type: "number", inputmode: "numeric", min: 1, step: 1, required: true }),
    timeBudgetSeconds: input("timeBudgetSeconds", { type: "number", inputmode: "numeric", min: TIME_BUDGET[0], max: TIME_BUDGET[1], step: 1, required: true }),
    tags: input("tags", { type: "text" }),
  };
  const errors = new Map(Object.keys(controls).map((name) => [name, h("p", { class: "error", id: `${name}-error`, role: "alert" })]));
  const mark = (found) => {
    for (const [name, error] of errors) {
      fill(error, found[name] ?? "");
      if (found[name]) controls[name].setAttribute("aria-invalid", "true");
      else controls[name].removeAttribute("aria-invalid");
    }
    controls[Object.keys(found)[0]]?.focus();
  };
  const field = (name, label) => {
    controls[name].setAttribute("aria-describedby", `${name}-error`);
    return h("div", { class: name === "tags" ? "field grow" : "field" }, h("label", { for: name }, label), controls[name], errors.get(name));
  };
  const submit = (event) => {
    event.preventDefault();
    const values = Object.fromEntries(Object.entries(controls).map(([name, control]) => [name, control.value.trim()]));
    const found = check(values);
    mark(found);
    if (Object.keys(found).length === 0) show(values);
  };
  return h("form", { class: "filters", novalidate: true, onsubmit: submit },
    field("customerCount", t.customerCount), field("timeBudgetSeconds", t.timeBudget), field("tags", t.tags),
    h("button", { type: "submit", class: "button primary" }, t.show));
}

function check({ customerCount, timeBudgetSeconds }) {
  const found = {};
  const seconds = whole(timeBudgetSeconds);
  if (!(whole(customerCount) >= 1)) found.customerCount = t.errors.customerCount;
  if (!(TIME_BUDGET[0] <= seconds && seconds <= TIME_BUDGET[1])) found.timeBudgetSeconds = t.errors.timeBudgetSeconds;
  return found;
}

function shown({ selectedQuestions = [], estimatedDuration, selectionCriteria = {} }, budget) {
  const { considered = [], carryOver = [], algorithm } = selectionCriteria;
  const waiting = new Set(carryOver.map((entry) => (typeof entry === "string" ? entry : entry?.questionId ?? entry?.question)));
  const used = estimatedDuration / budget;
  return [
    h("section", { class: "card", "aria-labelledby": "selected" },
      h("h2", { id: "selected" }, t.selected(selectedQuestions.length)),
      selectedQuestions.length === 0 ? empty(t.none) : [
        h("p", { class: "muted" }, t.used(format.seconds(estimatedDuration * 1000), format.seconds(budget * 1000))),
        h("span", { class: "budget", "aria-hidden": "true" }, h("span", { style: { width: `${Math.min(Math.max(used, 0), 1) * 100}%` } })),
        h("ol", { class: "selected" }, selectedQuestions.map((question) => h("li", {}, quoted(question.questionText)))),
      ]),
    h("section", { class: "card", "aria-labelledby": "considered" },
      h("h2", { id: "considered" }, t.considered),
      h("ul", { class: "considered" }, considered.map((entry) => consideration(entry, waiting))),
      algorithm && h("p", { class: "muted small" }, t.algorithm(algorithm))),
  ];
}

function consideration({ questionId, questionText, reason, sentence, estimatedMs, carriedOver }, waiting) {
  return h("li", { data: { reason } },
    h("p", { class: "question-text" }, quoted(questionText ?? questionId)),
    t.why[reason] && h("p", {}, t.why[reason]),
    sentence && h("p", { class: "muted small", lang: "en" }, quoted(sentence)),
    h("div", { class: "badges" },
      badge(named(t.reason, reason), reason === "selected" ? "good" : ""),
      carriedOver && badge(t.carriedOver),
      waiting.has(questionId) && badge(t.carryOver),
      estimatedMs !== undefined && badge(t.estimate(format.seconds(estimatedMs)))));
}
