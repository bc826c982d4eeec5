// Figures over a period: how many calls, how they ended, what was answered, how people felt, what it cost.

import { json, send } from "../api.js";
import { fill, h, quoted } from "../dom.js";
import * as format from "../format.js";
import { notice } from "../notices.js";
import { section, sentiment, share, table, topics } from "../parts.js";
import * as questionsApi from "../questions_api.js";
import * as session from "../session.js";
import { empty, load } from "../states.js";
import { named, texts } from "../texts.js";
import { dayCharts } from "./analytics/charts.js";
import { filters, period } from "./analytics/filters.js";

const t = texts.analytics;

export function analytics({ root, query, signal, title, go }) {
  const wanted = { businessId: session.business(), ...period(query), questionId: query.questionId };
  const body = h("div");
  const form = filters({ ...query, ...period(query) }, signal, (changed) => go("/analytics", changed));
  const csv = h("button", { type: "button", class: "button", onclick: () => download(wanted, csv, signal) }, t.csv);
  fill(root, title(t.title, csv), form.element, body);
  // Without the list, what the figures name can still be chosen.
  questionsApi.all(signal).then(form.offer, () => {});
  if (!form.valid) {
    csv.disabled = true;
    return;
  }
  load(body, signal, () => json("/analytics", { query: wanted, signal }), (data) => {
    form.offer(data.questions);
    return data.totals.calls === 0 ? empty(t.empty) : page(data, signal);
  });
}

function page({ totals, days, endReasons, questions }, signal) {
  return [
    h("section", { "aria-label": t.totals }, h("dl", { class: "tiles" },
      tile(t.calls, format.integer(totals.calls), t.failed(format.integer(totals.failed))),
      tile(t.completionRate, format.percent(totals.completionRate), t.ofAnswered(format.percent(totals.completionRateAnswered))),
      tile(t.answered, format.integer(totals.answered), format.percent(totals.answered / totals.calls)),
      tile(t.averageDuration, format.clock(totals.averageDurationSeconds)),
      tile(t.averageSentiment, format.signed(totals.averageSentiment), t.scale),
      tile(t.costTotal, format.money(totals.costTotal), t.perCall(format.fineMoney(totals.costAverage))))),
    h("div", { class: "charts" }, dayCharts(days, signal)),
    section(t.questions, {}, questions.length === 0 ? h("p", { class: "muted" }, t.questionsEmpty) : table({
      caption: t.questionsCaption,
      rows: questions,
      columns: [
        { name: t.question, head: true, cell: (row) => quoted(row.questionText) },
        { name: t.asked, number: true, cell: (row) => format.integer(row.asked) },
        { name: t.answeredCount, number: true, cell: (row) => format.integer(row.answered) },
        { name: t.answerRate, cell: (row) => share(row.answerRate) },
        { name: t.averageSentiment, cell: (row) => sentiment(row.averageSentiment) },
        { name: t.topics, cell: (row) => topics(row.topics?.map(({ topic, count }) => `${topic} (${format.integer(count)})`)) ?? format.DASH },
      ],
    })),
    section(t.endReasons, {}, table({
      caption: t.endReasonsCaption,
      rows: endReasons,
      columns: [
        { name: t.endReason, head: true, cell: (row) => named(texts.endReason, row.reason) },
        { name: t.number, number: true, cell: (row) => format.integer(row.count) },
        { name: t.share, cell: (row) => share(row.count / totals.calls) },
      ],
    })),
  ];
}

function tile(name, value, beside) {
  return h("div", { class: "card tile" }, h("dt", {}, name), h("dd", {}, value), beside && h("dd", { class: "muted small" }, beside));
}

async function download(query, button, signal) {
  button.disabled = true;
  try {
    const response = await send("/analytics.csv", { query, signal });
    const address = URL.createObjectURL(await response.blob());
    h("a", { href: address, download: `samtal-${query.from}-${query.until}.csv` }).click();
    // The browser has taken it over by then.
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
    notice(t.csvDone);
  } catch (error) {
    if (!signal.aborted) notice(error.status === 429 ? texts.state.tooMany.title : t.csvFailed, "bad");
  } finally {
    button.disabled = false;
  }
}
