// How long the caller waited for each answer, and for what: stacked bars, and the same figures as a table.

import { h, hidden } from "../../dom.js";
import * as format from "../../format.js";
import { facts, table } from "../../parts.js";
import { named, texts } from "../../texts.js";

const t = texts.call;

/** An answer later than this breaks the promise. */
const TARGET_MS = 2000;

export function latency({ turns = [], medianMs, p95Ms }) {
  if (turns.length === 0) return h("p", { class: "muted" }, t.latencyEmpty);
  const names = [...new Set(turns.flatMap((turn) => turn.parts.map((part) => part.name)))];
  // The parts' own order, then what is new.
  names.sort((a, b) => place(a) - place(b));
  return [
    h("p", { class: "muted latency-lead" }, t.latencyLead),
    facts([
      [t.latencyMedian, medianMs === undefined ? null : format.seconds(medianMs)],
      [t.latencyP95, p95Ms === undefined ? null : format.seconds(p95Ms)],
    ]),
    bars(turns, names),
    h("details", {}, h("summary", {}, texts.analytics.asTable), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t.latencyCaption },
      table({ caption: t.latencyCaption, captionHidden: false, rows: turns, columns: columns(names) }))),
  ];
}

/** Where a part stands among all there are, so that it has the same colour in every call. */
function place(name) {
  const order = Object.keys(t.parts);
  return order.includes(name) ? order.indexOf(name) : order.length;
}

function bars(turns, names) {
  const whole = (turn) => turn.totalMs ?? turn.parts.reduce((sum, part) => sum + part.ms, 0);
  const scale = Math.max(TARGET_MS * 1.1, ...turns.map(whole));
  const width = (ms) => `${(100 * Math.max(ms, 0)) / scale}%`;
  const piece = (part) => h("span", {
    class: "piece", data: { part: place(part.name) }, style: { width: width(part.ms) },
    title: `${named(t.parts, part.name)}: ${format.milliseconds(part.ms)}`,
  });
  const row = (turn) => h("li", {},
    h("span", { class: "turn" }, String(turn.turn)),
    h("span", { class: "track" },
      h("span", { class: "target", style: { left: width(TARGET_MS) } }),
      turn.parts.map(piece)),
    h("span", { class: "turn-total" }, format.seconds(whole(turn))));
  return h("figure", { class: "latency" },
    h("ul", { class: "legend" },
      names.map((name) => h("li", {}, h("span", { class: "piece", data: { part: place(name) }, "aria-hidden": "true" }), named(t.parts, name))),
      h("li", {}, h("span", { class: "target-mark", "aria-hidden": "true" }), t.latencyTarget)),
    h("div", { role: "img", "aria-label": t.latencyBars(turns.length) }, h("ul", { class: "bars", "aria-hidden": "true" }, turns.map(row))));
}

function columns(names) {
  const ms = (turn, name) => turn.parts.find((part) => part.name === name)?.ms;
  return [
    { name: t.turn, head: true, cell: (turn) => [String(turn.turn), turn.filler && [" ", h("span", { class: "muted small" }, `(${t.filler})`), hidden(`. ${t.fillerLong}`)]] },
    ...names.map((name) => ({ name: named(t.parts, name), number: true, cell: (turn) => format.milliseconds(ms(turn, name)) })),
    { name: t.total, number: true, cell: (turn) => format.milliseconds(turn.totalMs) },
  ];
}
