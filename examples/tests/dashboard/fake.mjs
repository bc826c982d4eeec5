// A small server with the dashboard's files and a made-up interface behind them, under the same headers as the real one.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import * as fixtures from "./fixtures.mjs";

const DASHBOARD = join(dirname(fileURLToPath(import.meta.url)), "../../feedback_server/dashboard");
export const ASSETS = join(DASHBOARD, "assets");
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml" };

export const TOKEN = fixtures.token([fixtures.SHOP]);
export const TOKEN_OF_TWO = fixtures.token([fixtures.SHOP, fixtures.OTHER_SHOP]);

export class Fake {
  /** Requests so far: `{method, path, query, body}`. */
  requests = [];
  #streams = new Set();
  #faults = [];

  static async start() {
    const fake = new Fake();
    fake.reset();
    const lines = (await readFile(join(DASHBOARD, "headers.txt"), "utf8")).trim().split("\n");
    fake.headers = lines.map((line) => line.split(/: (.*)/s).slice(0, 2));
    fake.server = createServer((request, response) => fake.#serve(request, response).catch((error) => {
      console.error(error);
      response.destroy();
    }));
    await new Promise((ready) => fake.server.listen(0, "127.0.0.1", ready));
    fake.address = `http://127.0.0.1:${fake.server.address().port}`;
    return fake;
  }

  /** The shop as it was at first. */
  reset() {
    this.drop();
    this.requests = [];
    this.#faults = [];
    this.businesses = fixtures.businesses();
    this.questions = fixtures.questions();
    this.sessions = fixtures.sessions();
    this.page = fixtures.callPage;
    this.selection = fixtures.selection;
    this.analytics = fixtures.analytics;
    this.csv = "id,startedAt,status\r\n1,2026-11-20T10:00:00Z,completed\r\n";
    this.tokens = new Set([TOKEN, TOKEN_OF_TWO]);
  }

  stop() {
    this.drop();
    this.server.close();
    this.server.closeAllConnections();
  }

  /** Sends an event to whoever listens. */
  emit(event, data) {
    for (const stream of this.#streams) stream.write(`event: ${event}\r\ndata: ${JSON.stringify(data)}\r\n\r\n`);
  }

  get listeners() {
    return this.#streams.size;
  }

  /** Breaks all streams. */
  drop() {
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
  }

  /** The next `times` requests for `method path` (a prefix) are answered like this. */
  fault(route, status, body, headers = {}, times = 1) {
    this.#faults.push({ route, status, body, headers, times });
  }

  find(method, path) {
    return this.requests.filter((request) => request.method === method && request.path.startsWith(path));
  }

  async #serve(request, response) {
    const url = new URL(request.url, "http://fake");
    if (url.pathname.startsWith("/api/")) return this.#api(request, response, url);
    const file = url.pathname.replace(/^\/dashboard\//, "") || "index.html";
    const path = join(ASSETS, normalize(file));
    const bytes = path.startsWith(ASSETS) && url.pathname.startsWith("/dashboard/") ? await readFile(path).catch(() => null) : null;
    if (bytes === null) return response.writeHead(404).end();
    for (const [name, value] of this.headers) response.setHeader(name, value);
    return response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" }).end(bytes);
  }

  async #api(request, response, url) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const path = url.pathname.slice("/api".length);
    const query = Object.fromEntries(url.searchParams);
    const body = text ? JSON.parse(text) : undefined;
    this.requests.push({ method: request.method, path, query, body });
    const json = (status, value, headers = {}) =>
      response.writeHead(status, { "content-type": "application/json", "x-request-id": "request-7", ...headers }).end(value === undefined ? "" : JSON.stringify(value));
    const error = (status, code, message, field) => json(status, { error: code, message, code, details: field ? { field } : {} });
    const fault = this.#faults.find(({ route, times }) => times > 0 && `${request.method} ${path}`.startsWith(route));
    if (fault) {
      fault.times -= 1;
      return fault.status === 0 ? response.destroy() : json(fault.status, fault.body, fault.headers);
    }
    if (!this.tokens.has((request.headers.authorization ?? "").replace("Bearer ", ""))) return error(401, "unauthenticated", "authorization: the token is wrong or expired", "authorization");
    const ours = query.businessId === undefined || query.businessId === fixtures.SHOP;
    const paged = (name, all) => {
      const [page, perPage] = [Number(query.page ?? 1), Number(query.limit ?? 50)];
      return json(200, { [name]: all.slice((page - 1) * perPage, page * perPage), pagination: { page, perPage, total: all.length, hasNext: page * perPage < all.length } });
    };
    const route = `${request.method} ${path}`;
    const last = decodeURIComponent(path.split("/").at(-1));
    if (route === "GET /calls/live") return this.#stream(response, ours);
    if (route === "GET /calls") return paged("calls", ours ? this.sessions.filter((call) => fits(call, query)) : []);
    const [, id, action] = /^\/calls\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? [];
    if (id) {
      const call = this.sessions.find((session) => session.id === decodeURIComponent(id));
      if (!call) return error(404, "not_found", "sessionId: not found", "sessionId");
      if (action === "recording") return call.connectedAt && call.endedAt ? response.writeHead(200, { "content-type": "audio/wav" }).end(fixtures.wav()) : error(404, "not_found", "recording");
      if (action === "cancel") return this.#cancel(call, json, error);
      return json(200, this.page(call));
    }
    if (route === "GET /questions/configurations") return paged("configurations", ours ? this.questions.filter((question) => question.isActive === (query.active !== "false")) : []);
    if (route === "POST /questions/configurations") {
      const made = { ...body, id: fixtures.QUESTION(100 + this.questions.length) };
      this.questions.push(made);
      return json(201, made);
    }
    if (path.startsWith("/questions/configurations/")) {
      const at = this.questions.findIndex((question) => question.id === last);
      if (at < 0) return error(404, "not_found", "id: not found", "id");
      this.questions[at] = request.method === "DELETE" ? { ...this.questions[at], isActive: false } : { ...body, id: last };
      return request.method === "DELETE" ? response.writeHead(204).end() : json(200, this.questions[at]);
    }
    if (route === "GET /questions/select") return json(200, this.selection(Number(query.customerCount), Number(query.timeBudgetSeconds)));
    if (route === "GET /analytics") return json(200, this.analytics(query.from, query.until, query.questionId));
    if (route === "GET /analytics.csv") return response.writeHead(200, { "content-type": "text/csv; charset=utf-8" }).end(this.csv);
    if (path === "/service") return json(200, this.service ?? { simulated: false });
    if (path.startsWith("/businesses/")) return this.businesses[last] ? json(200, this.businesses[last]) : error(404, "not_found", "businessId");
    return error(404, "not_found", "no such route");
  }

  #stream(response, ours) {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.write(": ping\n\n");
    const live = ours ? this.sessions.filter((call) => fits(call, { status: "live" })) : [];
    for (const call of live) response.write(`event: call\ndata: ${JSON.stringify(call)}\n\n`);
    this.#streams.add(response);
    response.on("close", () => this.#streams.delete(response));
  }

  #cancel(call, json, error) {
    if (call.endedAt) return error(409, "conflict", "status: the call is over", "status");
    Object.assign(call, { status: "failed", endReason: "canceled", endedAt: new Date().toISOString(), durationSeconds: 40 });
    json(200, call);
    this.emit("ended", call);
    return undefined;
  }
}

function fits(call, { status, endReason, from, until }) {
  const live = ["initiated", "connecting", "in_progress"].includes(call.status);
  return (!status || (status === "live" ? live : call.status === status))
    && (!endReason || call.endReason === endReason)
    && (!from || call.startedAt >= from) && (!until || call.startedAt <= until);
}
