// Signing in: a token is pasted, tried out, and one of its businesses chosen.

import { json } from "../api.js";
import { fill, h, quoted } from "../dom.js";
import * as session from "../session.js";
import { texts } from "../texts.js";

const t = texts.signIn;

export function signIn({ root, signal, title, reason, done }) {
  const field = h("textarea", {
    id: "token", rows: "4", required: true, autocomplete: "off", autocapitalize: "off", spellcheck: "false",
    "aria-describedby": "token-error",
  });
  const error = h("p", { class: "error", id: "token-error", role: "alert" });
  const submit = h("button", { class: "button primary", type: "submit" }, t.submit);

  const refuse = (text) => {
    fill(error, text);
    field.setAttribute("aria-invalid", "true");
    field.focus();
  };
  const check = async (event) => {
    event.preventDefault();
    const token = field.value.trim().replace(/^Bearer\s+/i, "");
    if (token === "") return refuse(t.empty);
    const claims = session.claims(token);
    // A header holds nothing else; what cannot be sent was never a token.
    if (claims === null || !/^[\w.~+/=-]+$/.test(token)) return refuse(t.unreadable);
    if (claims.businesses.length === 0) return refuse(t.noBusiness);
    fill(error);
    submit.disabled = true;
    fill(submit, t.working);
    try {
      const businesses = await Promise.all(claims.businesses.map((id) => business(id, token, signal)));
      if (businesses.length === 1) return enter(token, businesses[0].id);
      return choose(token, businesses);
    } catch (failure) {
      if (signal.aborted) return undefined;
      return refuse(message(failure));
    } finally {
      submit.disabled = false;
      fill(submit, t.submit);
    }
  };
  const enter = (token, id) => {
    session.begin(token, id);
    done();
  };
  const choose = (token, businesses) => {
    const items = businesses.map(({ id, name }) => h("li", {},
      h("button", { type: "button", class: "button choice", onclick: () => enter(token, id) },
        quoted(name), h("span", { class: "muted small", "aria-hidden": "true" }, t.open))));
    const heading = title(t.business);
    heading.firstChild.tabIndex = -1;
    fill(panel, heading, h("ul", { class: "choices" }, items),
      h("button", { type: "button", class: "button quiet", onclick: () => fill(panel, form()) }, t.another));
    heading.firstChild.focus();
  };
  const form = () => [
    title(t.title),
    reason && h("p", { class: "note" }, t[reason]),
    h("form", { class: "stack", novalidate: true, onsubmit: check },
      h("p", { class: "muted" }, t.lead),
      h("div", { class: "field" }, h("label", { for: "token" }, t.token), field, error),
      submit),
  ];
  const panel = h("div", { class: "card sign-in" }, form());
  fill(root, panel);
}

/** The business, or only its id if the server does not know it; throws if the token is refused. */
async function business(id, token, signal) {
  try {
    const read = await json(`/businesses/${encodeURIComponent(id)}`, { token, signal });
    return { id, name: read?.storeInfo?.name || id };
  } catch (error) {
    if (error.status === 404 || error.status === 403) return { id, name: id };
    throw error;
  }
}

function message({ status, retryAfter }) {
  if (status === 401) return t.refused;
  if (status === 429) return `${texts.state.tooMany.title}. ${texts.state.tooMany.text(retryAfter ?? 1)}`;
  if (status === 0) return texts.state.unreachable.title;
  return texts.state.failed.text;
}
