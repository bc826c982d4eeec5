// What can be proved: that the caller was told and asked, and how often the phone was rung.

import { h, quoted } from "../../dom.js";
import * as format from "../../format.js";
import { facts, table } from "../../parts.js";
import { named, texts } from "../../texts.js";

const t = texts.call;

export function consent({ disclosedAt, disclosure, given, words, decidedAt }) {
  const decision = given === true ? t.consentYes : given === false ? t.consentNo : t.consentOpen;
  return facts([
    [t.given, h("strong", {}, decision)],
    [t.consentWords, words ? h("q", {}, quoted(words)) : null],
    [t.decidedAt, decidedAt ? format.dateTime(decidedAt) : null],
    [t.disclosedAt, disclosedAt ? format.dateTime(disclosedAt) : format.DASH],
    [t.disclosure, disclosure ? h("q", {}, quoted(disclosure)) : null],
  ]);
}

export function attempts(list) {
  if (list.length === 0) return h("p", { class: "muted" }, t.attemptsEmpty);
  const names = t.attemptColumns;
  return table({
    caption: t.attemptList,
    rows: list,
    columns: [
      { name: names.startedAt, head: true, cell: (attempt) => format.time(attempt.startedAt) },
      { name: names.carrier, cell: (attempt) => quoted(attempt.carrier ?? format.DASH) },
      { name: names.state, cell: (attempt) => named(t.attemptState, attempt.state) },
      { name: names.outcome, cell: (attempt) => (attempt.outcome ? quoted(named(texts.endReason, attempt.outcome)) : format.DASH) },
    ],
  });
}
