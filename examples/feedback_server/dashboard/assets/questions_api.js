// The business's questions, as the server keeps them.

import { json } from "./api.js";
import * as session from "./session.js";

const CONFIGURATIONS = "/questions/configurations";
const PER_PAGE = 100;

/** Every question, those that are on first. */
export async function all(signal) {
  return (await Promise.all([true, false].map((active) => those(active, signal)))).flat();
}

/** Those that are on, or those that are off. */
async function those(active, signal) {
  const found = [];
  for (let page = 1, more = true; more; page += 1) {
    const query = { businessId: session.business(), active, page, limit: PER_PAGE };
    const { configurations, pagination } = await json(CONFIGURATIONS, { query, signal });
    found.push(...configurations);
    more = pagination.hasNext;
  }
  return found;
}

export const create = (question) => json(CONFIGURATIONS, { method: "POST", body: body(question) });

export const replace = (id, question) => json(address(id), { method: "PUT", body: body(question) });

/** Switches a question on or off; everything else stays. */
export const toggle = (question, on) =>
  on ? replace(question.id, { ...question, isActive: true }) : json(address(question.id), { method: "DELETE" });

const address = (id) => `${CONFIGURATIONS}/${encodeURIComponent(id)}`;

/** Only what a client may say of a question. */
function body(question) {
  const { questionText, frequency, priority, departmentTags, activeFrom, activeUntil, isActive, maxResponseTime, followUpPrompts } = question;
  return {
    businessId: session.business(),
    questionText, frequency, priority, departmentTags, isActive, maxResponseTime,
    followUpPrompts: followUpPrompts ?? [],
    // Absent means without an end.
    ...(activeFrom && { activeFrom }),
    ...(activeUntil && { activeUntil }),
  };
}
