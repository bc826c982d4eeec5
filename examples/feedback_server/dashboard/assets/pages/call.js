// One call's page: everything that is kept of it. Follows the call while it is going on.

import { json } from "../api.js";
import { fill, h, quoted } from "../dom.js";
import * as format from "../format.js";
import { badge, facts, section, sentiment, statusBadge, topics } from "../parts.js";
import { link } from "../router.js";
import * as session from "../session.js";
import { load } from "../states.js";
import { isOver } from "../status.js";
import { follow } from "../stream.js";
import { named, texts } from "../texts.js";
import { answers } from "./call/answers.js";
import { costs } from "./call/costs.js";
import { latency } from "./call/latency.js";
import { attempts, consent } from "./call/proof.js";
import { recording } from "./call/recording.js";
import { timeline } from "./call/timeline.js";
import { Transcript } from "./call/transcript.js";

const t = texts.call;

export function call({ root, params, signal, title }) {
  const id = params.id;
  const body = h("div");
  fill(root, h("p", { class: "back" }, h("a", { href: link("/calls") }, `← ${t.back}`)), body);
  const get = () => json(`/calls/${encodeURIComponent(id)}`, { signal });
  let shown = null;
  // What the stream has told: of some of it nothing is kept yet, or ever.
  const told = [];
  // What belongs to the state shown before, such as a recording, ends with it.
  const show = (data) => {
    shown?.abort.abort();
    const abort = new AbortController();
    signal.addEventListener("abort", () => abort.abort(), { signal: abort.signal });
    shown = { abort, ...page(data, abort.signal, title) };
    return shown.elements;
  };
  load(body, signal, get, (data) => {
    if (!isOver(data.call)) {
      followCall(id, signal, {
        refresh: async () => {
          const latest = await get();
          if (signal.aborted) return true;
          fill(body, show(latest));
          if (isOver(latest.call)) return true;
          for (const line of missing(told, latest.transcript ?? [])) shown.transcript.add(line);
          return false;
        },
        said: (line) => {
          told.push(line);
          shown.transcript.add(line);
        },
      });
    }
    return show(data);
  });
}

/** The lines that are not among the kept ones. */
function missing(lines, kept) {
  const left = [...kept];
  return lines.filter((line) => {
    const at = left.findIndex(({ speaker, text }) => speaker === line.speaker && text === line.text);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** Reads the call anew at each change, until it is over; what is said comes at once. */
function followCall(id, signal, { refresh, said }) {
  const over = new AbortController();
  signal.addEventListener("abort", () => over.abort());
  let running = false;
  let again = false;
  const update = async () => {
    again = true;
    if (running) return;
    running = true;
    while (again && !over.signal.aborted) {
      again = false;
      // A failed reading is made good by the next change.
      if (await refresh().catch(() => false)) over.abort();
    }
    running = false;
  };
  follow("/calls/live", {
    query: { businessId: session.business() },
    signal: over.signal,
    // What happened between the page's reading and the stream's beginning.
    onState: (state) => state === "open" && update(),
    onEvent: (event, data) => {
      if ((event === "call" || event === "ended") && data.id === id) update();
      if (event === "said" && data.callId === id) said(data);
    },
  });
}

function page(data, signal, title) {
  const { call: about } = data;
  const player = recording(about, data.anonymised, signal);
  const transcript = new Transcript(data.transcript ?? [], player);
  const beside = [statusBadge(about.status), about.endReason && badge(named(texts.endReason, about.endReason))];
  const elements = [
    title(t.title(about.customerPhone ?? format.DASH), h("div", { class: "badges" }, beside)),
    !isOver(about) && h("p", { class: "note" }, t.liveNote),
    data.anonymised && h("p", { class: "note" }, t.anonymised),
    section(t.facts, { class: "wide" }, facts([
      [t.started, format.dateTime(about.startedAt)],
      [t.connected, about.connectedAt && format.time(about.connectedAt)],
      [t.ended, about.endedAt && format.time(about.endedAt)],
      [t.duration, format.clock(about.durationSeconds)],
      [t.asked, format.integer(about.questionsAsked?.length ?? 0)],
      [t.cost, format.fineMoney(about.costEstimate)],
      [t.attempts, about.attempts === undefined ? null : format.integer(about.attempts)],
      [t.priority, about.priority ? named(texts.priority, about.priority) : null],
    ])),
    about.summary && summary(about.summary),
    h("div", { class: "columns" },
      h("div", { class: "column" },
        section(t.transcript, { class: "talk" }, player.element, transcript.element)),
      h("div", { class: "column" },
        section(t.answers, {}, answers(data.responses ?? [])),
        section(t.consent, {}, consent(data.consent ?? {})))),
    section(t.latency, {}, latency(data.latency ?? { turns: [] })),
    h("div", { class: "columns even" },
      h("div", { class: "column" },
        section(t.timeline, {}, timeline(data.timeline ?? [], about, data.responses ?? []))),
      h("div", { class: "column" },
        section(t.costs, { class: "costs" }, costs(data.cost ?? {})),
        section(t.attemptList, {}, attempts(data.attempts ?? [])))),
  ];
  return { elements, transcript };
}

function summary({ summary: text, sentiment: score, topics: about, followUpWanted }) {
  return section(t.summary, { class: "summary" },
    h("p", { class: "summary-text" }, quoted(text ?? "")),
    h("div", { class: "badges" }, sentimentOf(score), topics(about)),
    followUpWanted === true && h("p", { class: "note" }, h("strong", {}, `${t.followUp}: `), t.followUpYes));
}

/** A summary's sentiment is a number or a word. */
function sentimentOf(score) {
  return typeof score === "string" ? badge(named(texts.sentiment, score)) : sentiment(score);
}
