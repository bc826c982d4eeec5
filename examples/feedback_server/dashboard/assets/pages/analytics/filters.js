// Which period and which question the figures are about.

import { fill, h } from "../../dom.js";
import * as format from "../../format.js";
import { texts } from "../../texts.js";

const t = texts.analytics;
const RANGES = [7, 30, 90];
const USUAL = 30;
const LONGEST_DAYS = 366;
const DAY_MS = 86_400_000;

/** The period asked for, or the last 30 days. */
export function period({ from, until }) {
  const usual = lastDays(USUAL);
  return { from: from || usual.from, until: until || usual.until };
}

/** The form as `element`; `valid` says whether the period is one, `offer(questions)` fills in the questions to choose from. */
export function filters(query, signal, change) {
  const valid = isPeriod(query.from, query.until);
  const error = h("p", { class: "error", id: "period-error", role: "alert" }, valid ? "" : t.tooLong);
  const date = (name, label) => h("div", { class: "field" }, h("label", { for: name }, label),
    h("input", { type: "date", id: name, name, value: query[name], "aria-describedby": error.id, "aria-invalid": !valid && "true" }));
  const questions = new Map();
  const select = h("select", { id: "questionId", name: "questionId" });
  const options = () => {
    const chosen = query.questionId ?? "";
    // One that is chosen but not known yet stays chosen.
    if (chosen && !questions.has(chosen)) questions.set(chosen, chosen.slice(0, 8));
    fill(select, [["", t.allQuestions], ...questions].map(([value, text]) => h("option", { value, selected: value === chosen }, text)));
  };
  options();
  const days = (count) => {
    const range = lastDays(count);
    const pressed = range.from === query.from && range.until === query.until;
    return h("button", { type: "button", id: `days-${count}`, class: "button segment", "aria-pressed": String(pressed),
      onclick: () => change({ ...range, questionId: query.questionId }) }, t.lastDays(count));
  };
  const form = h("form", { class: "filters", "aria-label": t.filters, onsubmit: (event) => event.preventDefault(),
    onchange: () => change(Object.fromEntries(new FormData(form))) },
  h("div", { class: "segments", role: "group", "aria-label": t.ranges }, RANGES.map(days)),
  date("from", t.from), date("until", t.until),
  h("div", { class: "field grow" }, h("label", { for: "questionId" }, t.question), select), error);
  const offer = (found) => {
    if (signal.aborted) return;
    for (const question of found) questions.set(question.questionId ?? question.id, question.questionText);
    options();
  };
  return { element: form, valid, offer };
}

function lastDays(count) {
  const today = new Date();
  const first = new Date(today.getFullYear(), today.getMonth(), today.getDate() - count + 1);
  return { from: format.localDay(first), until: format.localDay(today) };
}

function isPeriod(from, until) {
  const length = (Date.parse(until) - Date.parse(from)) / DAY_MS + 1;
  return length >= 1 && length <= LONGEST_DAYS;
}
