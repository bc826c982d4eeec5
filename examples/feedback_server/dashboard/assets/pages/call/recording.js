// The recording: fetched with the token, because a player's own request cannot carry one.

import { send } from "../../api.js";
import { fill, h } from "../../dom.js";
import { isOver } from "../../status.js";
import { texts } from "../../texts.js";

const t = texts.call;

/**
 * A player for the call's recording. `onReady()` is told when there is one, `onTime(ms)` where it is; `seek(ms)` plays
 * from there.
 */
export function recording(call, anonymised, signal) {
  const element = h("div", { class: "player" });
  const player = { element, seek: () => {}, onReady: () => {}, onTime: () => {} };
  // While it goes on, it is being written.
  if (!isOver(call)) return player;
  if (anonymised || !call.connectedAt) {
    fill(element, h("p", { class: "muted" }, t.recordingNone));
    return player;
  }
  fill(element, h("p", { class: "muted", role: "status" }, t.recordingLoad));
  fetchInto(player, call, signal);
  return player;
}

async function fetchInto(player, call, signal) {
  let audio;
  try {
    const response = await send(`/calls/${encodeURIComponent(call.id)}/recording`, { signal });
    const address = URL.createObjectURL(await response.blob());
    signal.addEventListener("abort", () => URL.revokeObjectURL(address));
    audio = h("audio", { controls: true, preload: "auto", src: address, "aria-label": t.player });
  } catch (error) {
    if (signal.aborted) return;
    const retry = () => fetchInto(player, call, signal);
    const gone = error.status === 404;
    fill(player.element, h("p", { class: "muted", role: "status" }, gone ? t.recordingNone : t.recordingFailed),
      !gone && h("button", { type: "button", class: "button", onclick: retry }, texts.state.retry));
    return;
  }
  audio.addEventListener("timeupdate", () => player.onTime(audio.currentTime * 1000));
  signal.addEventListener("abort", () => audio.pause());
  player.seek = (ms) => {
    audio.currentTime = ms / 1000;
    player.onTime(ms);
    // A browser that will not play by itself leaves the player where it is.
    audio.play().catch(() => {});
  };
  fill(player.element, audio, h("p", { class: "muted small" }, t.recordingHint));
  player.onReady();
}
