// The frame around the pages: header, navigation, which page is shown, and what happens when a session ends.

import { json } from "./api.js";
import { fill, h, quoted } from "./dom.js";
import { announce, notice, regions } from "./notices.js";
import { analytics } from "./pages/analytics.js";
import { call } from "./pages/call.js";
import { calls } from "./pages/calls.js";
import { live } from "./pages/live.js";
import { preview } from "./pages/preview.js";
import { questionForm } from "./pages/question_form.js";
import { questions } from "./pages/questions.js";
import { signIn } from "./pages/sign_in.js";
import { link, match } from "./router.js";
import * as session from "./session.js";
import { texts } from "./texts.js";

const HOME = "/live";

/** Address, page, and the entry of the menu it belongs to. */
const ROUTES = [
  ["/live", { show: live, menu: "live" }],
  ["/calls", { show: calls, menu: "calls" }],
  ["/calls/:id", { show: call, menu: "calls" }],
  ["/questions", { show: questions, menu: "questions" }],
  ["/questions/new", { show: questionForm, menu: "questions" }],
  ["/questions/preview", { show: preview, menu: "questions" }],
  ["/questions/:id", { show: questionForm, menu: "questions" }],
  ["/analytics", { show: analytics, menu: "analytics" }],
];

const MENU = ["live", "calls", "questions", "analytics"];

const main = h("main", { id: "main", tabindex: "-1" });
const header = h("header", { class: "top" });
const offline = h("p", { class: "offline", role: "alert" });
const service = h("p", { class: "service", role: "status" });
let left = new AbortController();
let shownPlace = null;

/** Shows the page the address means. */
function show() {
  left.abort();
  left = new AbortController();
  const signal = left.signal;
  if (session.token() === null) return showSignIn(signal);
  if (location.hash === "" || location.hash === "#" || location.hash === "#/") return go(HOME);
  const found = match(ROUTES, location.hash);
  if (header.childElementCount === 0) {
    fillHeader();
    fillService();
  }
  markMenu(found?.page.menu);
  const focused = document.activeElement.id;
  const root = h("div", { class: "page" });
  fill(main, root);
  if (!found) {
    fill(root, notFound());
  } else {
    found.page.show({ root, params: found.params, query: found.query, signal, title, go });
  }
  arrive(location.hash.replace(/\?.*/s, "") + (found?.query.page ?? ""), focused);
}

/** A new page begins at its top; a changed filter keeps its place. */
function arrive(place, focused) {
  const before = shownPlace;
  shownPlace = place;
  if (before === place) document.getElementById(focused)?.focus({ preventScroll: true });
  if (before === null || before === place) return;
  window.scrollTo(0, 0);
  main.focus({ preventScroll: true });
}

function go(path, query) {
  const hash = link(path, query);
  if (location.hash === hash) return show();
  location.hash = hash;
  return undefined;
}

/** The page's heading, which is the window's title as well. */
function title(text, ...beside) {
  document.title = `${text} – ${texts.product}`;
  return h("div", { class: "page-head" }, h("h1", {}, text), beside);
}

function showSignIn(signal, reason) {
  fill(header);
  fill(service);
  shownPlace = null;
  const root = h("div", { class: "page" });
  fill(main, h("p", { class: "brand alone" }, brand()), root);
  signIn({ root, signal, title, reason, done: show });
}

function brand() {
  return [
    h("span", { class: "mark", "aria-hidden": "true" }, h("i"), h("i"), h("i")),
    h("span", { class: "brand-name" }, texts.product),
  ];
}

function fillHeader() {
  const names = new Map();
  const businesses = session.claims()?.businesses ?? [];
  const chosen = () => session.business();
  const option = (id) => h("option", { value: id, selected: id === chosen() }, names.get(id) ?? id.slice(0, 8));
  const select = h("select", { id: "business", onchange: () => change(select.value) }, businesses.map(option));
  const name = quoted("", { class: "business-name" });
  const named = async (id) => {
    const read = await json(`/businesses/${encodeURIComponent(id)}`).catch(() => null);
    names.set(id, read?.storeInfo?.name ?? id.slice(0, 8));
    fill(select, businesses.map(option));
    fill(name, names.get(chosen()) ?? "");
  };
  businesses.forEach(named);
  fill(header,
    h("a", { class: "brand", href: link(HOME) }, brand()),
    h("nav", { class: "menu", "aria-label": texts.navigation }, h("ul", {}, MENU.map((entry) =>
      h("li", {}, h("a", { href: link(`/${entry}`), data: { entry } }, texts.pages[entry]))))),
    h("div", { class: "who" },
      businesses.length > 1 ? [h("label", { for: "business", class: "visually-hidden" }, texts.business), select] : name,
      h("button", { type: "button", class: "button quiet", onclick: () => session.end("signedOut") }, texts.signOut)));
}

/** Says that calls are simulated, and what cannot be heard in them. */
async function fillService() {
  const read = await json("/service").catch(() => null);
  const said = read?.simulated ? [texts.service.simulated] : [];
  if (read?.simulatedVoice === "stand_in") said.push(texts.service.standIn);
  fill(service, said.join(" "));
}

function change(business) {
  session.choose(business);
  // What is shown may belong to the other business.
  const path = location.hash.replace(/^#\/([^/?]*).*$/s, "/$1");
  go(path);
}

function markMenu(menu) {
  for (const entry of header.querySelectorAll("[data-entry]")) {
    if (entry.dataset.entry === menu) entry.setAttribute("aria-current", "page");
    else entry.removeAttribute("aria-current");
  }
}

function notFound() {
  return [
    title(texts.notFound.title),
    h("p", {}, texts.notFound.text),
    h("p", {}, h("a", { class: "button", href: link(HOME) }, texts.notFound.back)),
  ];
}

function showOffline() {
  const before = offline.textContent;
  fill(offline, navigator.onLine ? "" : texts.state.offline);
  if (before && navigator.onLine) notice(texts.state.backOnline);
}

const skip = h("a", { class: "skip", href: "#main", onclick: (event) => {
  // The hash is the page's address.
  event.preventDefault();
  main.focus();
} }, texts.skip);

session.changes.addEventListener("signedout", ({ detail }) => {
  left.abort();
  left = new AbortController();
  showSignIn(left.signal, detail.reason);
  announce(texts.signIn[detail.reason]);
});
window.addEventListener("hashchange", show);
window.addEventListener("online", showOffline);
window.addEventListener("offline", showOffline);
document.body.replaceChildren(skip, header, offline, service, main, ...regions);
showOffline();
show();
