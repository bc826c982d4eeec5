// Small pieces that several pages use: badges, facts, tables, bars, paging.

import { h, hidden, quoted } from "./dom.js";
import * as format from "./format.js";
import { link } from "./router.js";
import { named, texts } from "./texts.js";

/** From here on a sentiment is called positive, and below its negative, negative. */
const CLEAR_SENTIMENT = 0.25;

export function statusBadge(status) {
  return h("span", { class: "badge status", data: { status } },
    h("span", { class: "dot", "aria-hidden": "true" }), named(texts.status, status));
}

export function badge(text, kind = "") {
  return h("span", { class: `badge ${kind}`.trim() }, text);
}

/** Pairs of term and value; a value that is `null` is left out. */
export function facts(pairs) {
  const given = pairs.filter(([, value]) => value !== null && value !== undefined);
  return h("dl", { class: "facts" }, given.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))));
}

/** A sentiment from -1 to 1, in a word, a number and a bar. */
export function sentiment(score) {
  if (typeof score !== "number" || !Number.isFinite(score)) {
    return h("span", { class: "muted" }, texts.sentiment.none);
  }
  const kind = score >= CLEAR_SENTIMENT ? "positive" : score <= -CLEAR_SENTIMENT ? "negative" : "neutral";
  const limited = Math.max(-1, Math.min(1, score));
  const bar = h("span", { class: "sentiment-fill", style: {
    left: `${50 + Math.min(0, limited) * 50}%`, width: `${Math.max(Math.abs(limited) * 50, 1)}%`,
  } });
  return h("span", { class: `sentiment ${kind}` },
    h("span", { class: "sentiment-bar", "aria-hidden": "true" }, bar),
    h("span", {}, hidden(`${texts.sentiment.label}: `), `${texts.sentiment[kind]} ${format.signed(score)}`));
}

export function topics(names) {
  if (!Array.isArray(names) || names.length === 0) return null;
  return h("ul", { class: "tags", "aria-label": texts.call.topics }, names.map((name) => h("li", {}, quoted(name))));
}

/** A share from 0 to 1 as a bar, with its percentage. */
export function share(value) {
  const limited = Math.max(0, Math.min(1, value || 0));
  return h("span", { class: "share" },
    h("span", { class: "share-bar", "aria-hidden": "true" }, h("span", { style: { width: `${limited * 100}%` } })),
    h("span", { class: "share-number" }, format.percent(value)));
}

/**
 * A table that becomes a list of cards on a narrow screen. Roles are spelled out, because a changed `display` takes
 * them away. `columns` are `{name, cell(row), number?, head?}`.
 */
export function table({ caption, columns, rows, captionHidden = true }) {
  const cell = (column, row) => {
    const role = column.head ? "rowheader" : "cell";
    const content = column.cell(row);
    const kind = [column.number && "number", content === format.DASH && "blank"].filter(Boolean).join(" ");
    const attributes = { role, data: { label: column.name }, class: kind || undefined };
    if (column.head) attributes.scope = "row";
    return h(column.head ? "th" : "td", attributes, content);
  };
  return h("table", { role: "table", class: "table" },
    h("caption", { class: captionHidden ? "visually-hidden" : undefined }, caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map((column) =>
      h("th", { role: "columnheader", scope: "col", class: column.number ? "number" : undefined }, column.name)))),
    h("tbody", { role: "rowgroup" }, rows.map((row) =>
      h("tr", { role: "row" }, columns.map((column) => cell(column, row))))));
}

/** Links to the pages before and after, keeping the rest of the query. */
export function paging(path, query, { page, perPage, total, hasNext }) {
  const pages = Math.max(1, Math.ceil(total / perPage));
  const step = (to, text, rel) => to
    ? h("a", { class: "button", href: link(path, { ...query, page: to }), rel }, text)
    : h("span", { class: "button", "aria-disabled": "true" }, text);
  return h("nav", { class: "paging", "aria-label": texts.paging.label },
    step(page > 1 && page - 1, texts.paging.previous, "prev"),
    h("span", { class: "muted" }, texts.paging.position(page, pages)),
    step(hasNext && page + 1, texts.paging.next, "next"));
}

/** A part of a page with its heading. */
export function section(title, attributes, ...content) {
  const id = `section-${section.next++}`;
  return h("section", { ...attributes, class: `card ${attributes.class ?? ""}`.trim(), "aria-labelledby": id },
    h("h2", { id }, title), content);
}
section.next = 1;
