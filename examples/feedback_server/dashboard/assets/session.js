// Who is signed in: the token and the chosen business, kept until the tab is closed.

const TOKEN = "token";
const BUSINESS = "business";

/** "signedout" with `detail.reason` when a session ends. */
export const changes = new EventTarget();

export const token = () => sessionStorage.getItem(TOKEN);
export const business = () => sessionStorage.getItem(BUSINESS);

/** What the token says of itself. Only the server can tell whether it is true. */
export function claims(text = token()) {
  try {
    const payload = text.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(payload), (letter) => letter.charCodeAt(0));
    const read = JSON.parse(new TextDecoder().decode(bytes));
    const businesses = Array.isArray(read.businesses) ? read.businesses.filter((id) => typeof id === "string") : [];
    return { businesses, expires: typeof read.exp === "number" ? new Date(read.exp * 1000) : null };
  } catch {
    return null;
  }
}

export function begin(text, id) {
  sessionStorage.setItem(TOKEN, text);
  sessionStorage.setItem(BUSINESS, id);
}

export function choose(id) {
  sessionStorage.setItem(BUSINESS, id);
}

export function end(reason) {
  if (token() === null) return;
  sessionStorage.clear();
  changes.dispatchEvent(new CustomEvent("signedout", { detail: { reason } }));
}
