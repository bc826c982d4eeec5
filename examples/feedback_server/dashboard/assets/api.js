// Requests to the server: the token goes along, every failure becomes one kind of error.

import * as session from "./session.js";

const ROOT = "/api";

/** What went wrong with a request. `status` is 0 if the server could not be reached. */
export class RequestError extends Error {
  constructor({ status, code = "", message = "", field = null, retryAfter = null, requestId = null }) {
    super(message);
    Object.assign(this, { status, code, field, retryAfter, requestId });
  }
}

/** Sends a request and gives the raw response. Throws `RequestError`, or an `AbortError` if `signal` is aborted. */
export async function send(path, { method = "GET", query = {}, body, signal, token = session.token(), accept } = {}) {
  const headers = { authorization: `Bearer ${token}` };
  if (accept) headers.accept = accept;
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(address(path, query), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      cache: "no-store",
      credentials: "omit",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new RequestError({ status: 0, code: "unreachable" });
  }
  if (response.ok) return response;
  // A token that is only being tried out ends no session.
  if (response.status === 401 && token === session.token()) session.end("expired");
  throw await failure(response);
}

/** Sends a request and reads the answer as JSON; `null` if it is empty. */
export async function json(path, options) {
  const response = await send(path, options);
  return response.status === 204 ? null : response.json();
}

/** A path of the interface with a query; empty parameters are left out. */
export function address(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = new URLSearchParams(given).toString();
  return ROOT + path + (search && `?${search}`);
}

async function failure(response) {
  const body = await response.json().catch(() => ({}));
  const seconds = Number.parseInt(response.headers.get("retry-after") ?? "", 10);
  return new RequestError({
    status: response.status,
    code: typeof body?.code === "string" ? body.code : "",
    message: typeof body?.message === "string" ? body.message : "",
    field: typeof body?.details?.field === "string" ? body.details.field : null,
    retryAfter: Number.isFinite(seconds) ? Math.min(Math.max(seconds, 1), 3600) : null,
    requestId: response.headers.get("x-request-id"),
  });
}
