// All calls, newest first: filtered, a page at a time.

import { json } from "../api.js";
import { fill, h } from "../dom.js";
import * as format from "../format.js";
import { paging, statusBadge, table } from "../parts.js";
import { link } from "../router.js";
import * as session from "../session.js";
import { empty, load } from "../states.js";
import { named, texts } from "../texts.js";

const t = texts.calls;
const PER_PAGE = 25;

export function calls({ root, query, signal, title, go }) {
  const list = h("div", { class: "card" });
  const dates = h("p", { class: "error", id: "dates-error", role: "alert" });
  const filters = filterForm(query, dates, (changed) => go("/calls", changed));
  fill(root, title(t.title), filters, dates, list);
  if (query.from && query.until && query.from > query.until) {
    fill(dates, t.dates);
    fill(list, empty(t.empty));
    return;
  }
  const wanted = {
    businessId: session.business(),
    status: query.status,
    endReason: query.endReason,
    from: startOfDay(query.from),
    until: endOfDay(query.until),
    page: query.page ?? 1,
    limit: PER_PAGE,
  };
  load(list, signal, () => json("/calls", { query: wanted, signal }), ({ calls: found, pagination }) => {
    if (found.length === 0) return empty(t.empty);
    return [
      h("p", { class: "muted list-count", role: "status" }, t.total(pagination.total)),
      table({ caption: t.caption, columns: COLUMNS, rows: found }),
      paging("/calls", query, pagination),
    ];
  });
}

const COLUMNS = [
  { name: t.columns.started, head: true, cell: (call) =>
    h("a", { href: link(`/calls/${encodeURIComponent(call.id)}`) }, format.dateTime(call.startedAt)) },
  { name: t.columns.phone, cell: (call) => h("span", { class: "phone" }, call.customerPhone ?? format.DASH) },
  { name: t.columns.status, cell: (call) => statusBadge(call.status) },
  { name: t.columns.endReason, cell: (call) => (call.endReason ? named(texts.endReason, call.endReason) : format.DASH) },
  { name: t.columns.duration, number: true, cell: (call) => format.clock(call.durationSeconds) },
  { name: t.columns.questions, number: true, cell: (call) => format.integer(call.questionsAsked?.length ?? 0) },
  { name: t.columns.cost, number: true, cell: (call) => format.fineMoney(call.costEstimate) },
];

function filterForm(query, dates, change) {
  const options = (group) => Object.entries(group);
  const choice = (name, label, entries) => {
    const option = ([value, text]) => h("option", { value, selected: value === (query[name] ?? "") }, text);
    return h("div", { class: "field" }, h("label", { for: name }, label),
      h("select", { id: name, name }, entries.map(option)));
  };
  const date = (name, label) => h("div", { class: "field" }, h("label", { for: name }, label),
    h("input", { type: "date", id: name, name, value: query[name] ?? "", "aria-describedby": dates.id }));
  const form = h("form", { class: "filters", "aria-label": t.filters, onsubmit: (event) => event.preventDefault(), onchange: () => {
    // The first page of the new selection.
    change(Object.fromEntries(new FormData(form)));
  } },
    choice("status", t.status, [["", t.all], ["live", t.live], ...options(texts.status)]),
    choice("endReason", t.endReason, [["", t.all], ...options(texts.endReason)]),
    date("from", t.from), date("until", t.until),
    h("a", { class: "button quiet", href: link("/calls") }, t.clear));
  return form;
}

/** The first instant of a local day. */
const startOfDay = (day) => midnight(day, 0)?.toISOString();

/** The last instant of a local day: one that the server knows to the nanosecond. */
function endOfDay(day) {
  const next = midnight(day, 1);
  return next && new Date(next.getTime() - 1).toISOString().replace("Z", "999999Z");
}

function midnight(day, later) {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day ?? "");
  if (!parts) return undefined;
  const [year, month, date] = parts.slice(1).map(Number);
  const instant = new Date(year, month - 1, date + later);
  return Number.isNaN(instant.getTime()) ? undefined : instant;
}
