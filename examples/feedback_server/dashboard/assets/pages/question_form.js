// Creating and changing a question. Checks what the server checks, and shows its objections at the field they are about.

import { fill, h } from "../dom.js";
import { notice } from "../notices.js";
import * as api from "../questions_api.js";
import { link } from "../router.js";
import { RequestError } from "../api.js";
import { load } from "../states.js";
import { texts } from "../texts.js";

const t = texts.form;
const CHARACTERS = [10, 500];
const FREQUENCY = [1, 100];
const RESPONSE_TIME = [10, 60];

const FRESH = {
  questionText: "", priority: "medium", frequency: 1, maxResponseTime: 30, departmentTags: ["general"],
  followUpPrompts: [], isActive: true,
};

export function questionForm({ root, params, signal, title, go }) {
  const body = h("div");
  fill(root,
    h("p", { class: "back" }, h("a", { href: link("/questions") }, `← ${t.back}`)),
    title(params.id ? t.editTitle : t.createTitle),
    body);
  const get = async () => {
    if (!params.id) return FRESH;
    const found = (await api.all(signal)).find((question) => question.id === params.id);
    if (!found) throw new RequestError({ status: 404 });
    return found;
  };
  const save = (question) => (params.id ? api.replace(params.id, question) : api.create(question));
  load(body, signal, get, (question) => form(question, save, go));
}

function form(question, save, go) {
  const controls = controlsFor(question);
  const errors = new Map(Object.keys(controls).map((name) => [name, h("p", { class: "error", id: `${name}-error` })]));
  const overall = h("p", { class: "error", role: "alert" });
  const submit = h("button", { type: "submit", class: "button primary" }, t.save);
  const counter = h("span", { class: "muted small" });
  const count = () => fill(counter, t.characters([...controls.questionText.value].length));
  controls.questionText.addEventListener("input", count);
  count();

  const show = (found) => {
    for (const [name, error] of errors) {
      fill(error, found[name] ?? "");
      if (found[name]) controls[name].setAttribute("aria-invalid", "true");
      else controls[name].removeAttribute("aria-invalid");
    }
    const first = Object.keys(controls).find((name) => found[name]);
    controls[first]?.focus();
  };
  const send = async (event) => {
    event.preventDefault();
    const read = values(controls);
    const found = check(read);
    show(found);
    fill(overall, Object.keys(found).length > 0 ? t.wrong : "");
    if (Object.keys(found).length > 0) return;
    submit.disabled = true;
    fill(submit, t.saving);
    try {
      await save(read);
      notice(t.saved);
      go("/questions");
    } catch (error) {
      // "followUpPrompts[2]" is said of the whole field.
      const field = /^\w+/.exec(error.field ?? "")?.[0];
      if (field && errors.has(field)) {
        show({ [field]: [t.errors[field], t.server(error.message)].filter(Boolean).join(" ") });
        fill(overall, t.wrong);
      } else {
        fill(overall, objection(error));
      }
    } finally {
      submit.disabled = false;
      fill(submit, t.save);
    }
  };

  const field = (name, ...beside) => {
    const hint = t.hints[name] && h("p", { class: "hint", id: `${name}-hint` }, t.hints[name]);
    controls[name].setAttribute("aria-describedby", [`${name}-error`, hint && `${name}-hint`].filter(Boolean).join(" "));
    return h("div", { class: "field" }, h("label", { for: name }, t.fields[name]), controls[name], hint, beside, errors.get(name));
  };
  return h("form", { class: "card stack form", novalidate: true, onsubmit: send },
    field("questionText", counter),
    h("div", { class: "row" }, field("priority"), field("frequency"), field("maxResponseTime")),
    field("departmentTags"),
    field("followUpPrompts"),
    h("div", { class: "row" }, field("activeFrom"), field("activeUntil")),
    h("div", { class: "check" }, controls.isActive, h("label", { for: "isActive" }, t.fields.isActive), errors.get("isActive")),
    overall,
    h("div", { class: "actions" }, h("a", { class: "button", href: link("/questions") }, t.cancel), submit));
}

function controlsFor(question) {
  const input = (name, attributes) => h("input", { id: name, name, ...attributes });
  const number = (name, [min, max]) => input(name, { type: "number", inputmode: "numeric", min, max, step: 1, value: String(question[name]), required: true });
  const time = (name) => input(name, { type: "datetime-local", value: toLocal(question[name]) });
  const option = ([value, text]) => h("option", { value, selected: value === question.priority }, text);
  const { high, medium, low } = texts.priority;
  return {
    questionText: h("textarea", { id: "questionText", name: "questionText", rows: "3", required: true, value: question.questionText }),
    priority: h("select", { id: "priority", name: "priority" }, Object.entries({ high, medium, low }).map(option)),
    frequency: number("frequency", FREQUENCY),
    maxResponseTime: number("maxResponseTime", RESPONSE_TIME),
    departmentTags: input("departmentTags", { type: "text", value: (question.departmentTags ?? []).join(", "), required: true }),
    followUpPrompts: h("textarea", { id: "followUpPrompts", name: "followUpPrompts", rows: "3", value: (question.followUpPrompts ?? []).join("\n") }),
    activeFrom: time("activeFrom"),
    activeUntil: time("activeUntil"),
    isActive: input("isActive", { type: "checkbox", checked: question.isActive }),
  };
}

function values(controls) {
  const text = (name) => controls[name].value.trim();
  const list = (name, between) => text(name).split(between).map((part) => part.trim()).filter(Boolean);
  return {
    questionText: text("questionText"),
    priority: text("priority"),
    frequency: whole(text("frequency")),
    maxResponseTime: whole(text("maxResponseTime")),
    departmentTags: list("departmentTags", ","),
    followUpPrompts: list("followUpPrompts", "\n"),
    activeFrom: toInstant(text("activeFrom")),
    activeUntil: toInstant(text("activeUntil")),
    isActive: controls.isActive.checked,
  };
}

/** What the server would object to, by field. */
function check(question) {
  const within = (value, [min, max]) => Number.isInteger(value) && min <= value && value <= max;
  const { activeFrom, activeUntil } = question;
  const wrong = {
    questionText: !within([...question.questionText].length, CHARACTERS),
    frequency: !within(question.frequency, FREQUENCY),
    maxResponseTime: !within(question.maxResponseTime, RESPONSE_TIME),
    departmentTags: question.departmentTags.length === 0,
    activeUntil: Boolean(activeFrom && activeUntil && activeFrom > activeUntil),
  };
  return Object.fromEntries(Object.keys(wrong).filter((name) => wrong[name]).map((name) => [name, t.errors[name]]));
}

function objection({ status, message, retryAfter }) {
  if (status === 429) return t.wait(retryAfter ?? 1);
  if (status === 0) return texts.state.unreachable.title;
  return message && status < 500 ? `${t.failed} ${t.server(message)}` : t.failed;
}

export const whole = (text) => (/^-?\d+$/.test(text) ? Number(text) : NaN);

/** An instant as `datetime-local` wants it: the local time without a zone. */
function toLocal(text) {
  const instant = new Date(text ?? NaN);
  if (Number.isNaN(instant.getTime())) return "";
  return new Date(instant.getTime() - instant.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function toInstant(local) {
  const instant = new Date(local || NaN);
  return Number.isNaN(instant.getTime()) ? null : instant.toISOString();
}
