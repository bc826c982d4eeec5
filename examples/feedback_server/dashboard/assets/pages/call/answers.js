// The answers, each with the question as it was asked.

import { h, quoted } from "../../dom.js";
import * as format from "../../format.js";
import { badge, sentiment, topics } from "../../parts.js";
import { named, texts } from "../../texts.js";

const t = texts.call;

export function answers(responses) {
  if (responses.length === 0) return h("p", { class: "muted" }, t.answersEmpty);
  return h("ol", { class: "answers" }, responses.map(answer));
}

function answer({ questionText, responseText, responseDuration, confidenceScore, sentimentScore, outcome, topics: about }) {
  const known = (value) => typeof value === "number";
  return h("li", {},
    h("h3", {}, quoted(questionText ?? "")),
    responseText ? h("blockquote", {}, quoted(responseText)) : h("p", { class: "muted" }, t.noAnswer),
    h("div", { class: "badges" },
      responseText && sentiment(sentimentScore),
      outcome && outcome !== "answered" && badge(named(t.outcome, outcome))),
    topics(about),
    h("p", { class: "muted small" }, [
      responseText && known(responseDuration) && t.took(format.seconds(responseDuration * 1000)),
      responseText && known(confidenceScore) && t.confidence(format.percent(confidenceScore)),
    ].filter(Boolean).join(" · ")));
}
