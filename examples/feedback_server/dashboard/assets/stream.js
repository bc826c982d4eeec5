// The stream of events (text/event-stream, WHATWG HTML 9.2) over fetch, because EventSource cannot send a token.

import { send } from "./api.js";

/** The server says something at least every 15 s; silence of this length means that the line is dead. */
const SILENCE_MS = 40_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

/** A line that never ends is not collected for ever. */
const LONGEST_LINE = 1 << 20;

/** Reads events out of text that comes in any pieces. */
export class EventReader {
  #rest = "";
  #event = "";
  #data = [];
  #first = true;

  /** Takes the next piece and gives the events it completes, as `{event, data}`. */
  take(text) {
    if (this.#first && text.length > 0) {
      text = text.replace(/^\uFEFF/, "");
      this.#first = false;
    }
    const events = [];
    // A carriage return at the very end may belong to a line feed still to come.
    const all = this.#rest + text;
    const end = all.endsWith("\r") ? all.length - 1 : all.length;
    const lines = all.slice(0, end).split(/\r\n|\r|\n/);
    this.#rest = lines.pop() + all.slice(end);
    if (this.#rest.length > LONGEST_LINE) throw new RangeError("a line without end");
    for (const line of lines) {
      const event = this.#line(line);
      if (event) events.push(event);
    }
    return events;
  }

  #line(line) {
    if (line === "") {
      const event = { event: this.#event || "message", data: this.#data.join("\n") };
      const complete = this.#data.length > 0;
      this.#event = "";
      this.#data = [];
      return complete ? event : null;
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.#event = value;
    if (name === "data") this.#data.push(value);
    return null;
  }
}

/**
 * Follows a stream until `signal` is aborted, and connects again with growing pauses whenever it breaks.
 * `onState` is told "connecting", "open" or "waiting"; `onEvent` gets the event's name and its data as JSON.
 * Ends without a sound when the session has ended.
 */
export async function follow(path, { query, signal, onEvent, onState }) {
  let wait = FIRST_WAIT_MS;
  while (!signal.aborted) {
    let atLeast = 0;
    onState("connecting");
    try {
      await once(path, query, signal, onEvent, () => {
        wait = FIRST_WAIT_MS;
        onState("open");
      });
    } catch (error) {
      if (signal.aborted || error.status === 401) return;
      atLeast = (error.retryAfter ?? 0) * 1000;
    }
    if (signal.aborted) return;
    onState("waiting");
    // Spread out, so that not everybody comes back in the same moment.
    await pause(Math.max(atLeast, wait * (0.5 + Math.random() / 2)), signal);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

async function once(path, query, signal, onEvent, onOpen) {
  const dead = new AbortController();
  const either = AbortSignal.any([signal, dead.signal]);
  let silence = setTimeout(() => dead.abort(), SILENCE_MS);
  try {
    const response = await send(path, { query, signal: either, accept: "text/event-stream" });
    const events = new EventReader();
    const text = response.body.pipeThrough(new TextDecoderStream()).getReader();
    onOpen();
    for (;;) {
      const { done, value } = await text.read();
      if (done) return;
      clearTimeout(silence);
      silence = setTimeout(() => dead.abort(), SILENCE_MS);
      for (const { event, data } of events.take(value)) {
        const read = parsed(data);
        if (read !== null) onEvent(event, read);
      }
    }
  } finally {
    clearTimeout(silence);
    dead.abort();
  }
}

function parsed(data) {
  try {
    return JSON.parse(data);
  } catch {
    // One line that cannot be read is no reason to lose the others.
    return null;
  }
}

/** Waits, but not longer than until the network is back. */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const ready = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", ready);
      window.removeEventListener("online", ready);
      resolve();
    };
    const timer = setTimeout(ready, ms);
    signal.addEventListener("abort", ready);
    window.addEventListener("online", ready);
  });
}
