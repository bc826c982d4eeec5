// What happened to the call, in order.

import { h, quoted } from "../../dom.js";
import * as format from "../../format.js";
import { named, texts } from "../../texts.js";

const t = texts.call;

export function timeline(events, call, responses) {
  if (events.length === 0) return h("p", { class: "muted" }, t.timelineEmpty);
  const questions = new Map(responses.map((response) => [response.questionId, response.questionText]));
  const begin = new Date(call.startedAt);
  return h("ol", { class: "timeline" }, events.map((event) => {
    const detail = words(event.eventData, questions);
    return h("li", { data: { type: event.eventType } },
      h("time", { datetime: event.timestamp, title: format.time(event.timestamp) },
        `+${format.clock((new Date(event.timestamp) - begin) / 1000)}`),
      h("div", {},
        h("p", { class: "event" }, named(t.events, event.eventType),
          h("span", { class: "muted small" }, ` ${named(t.sources, event.source)}`)),
        detail && h("p", { class: "muted small" }, quoted(detail))));
  }));
}

/** What is worth reading of an event's particulars: the question, the reason, or plain values. */
function words(data, questions) {
  if (data === null || typeof data !== "object") return null;
  const question = questions.get(data.questionId ?? data.question);
  if (question) return question;
  const reason = data.reason ?? data.endReason;
  if (typeof reason === "string") return named(texts.endReason, reason);
  const plain = Object.entries(data).filter(([key, value]) =>
    ["string", "number", "boolean"].includes(typeof value) && !/(^id|Id|question)$/.test(key));
  return plain.map(([key, value]) => `${key}: ${value}`).join(", ") || null;
}
