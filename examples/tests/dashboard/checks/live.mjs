// Calls while they go on.

import assert from "node:assert/strict";
import { assertAccessible } from "../accessibility.mjs";
import { open, until } from "../browser.mjs";
import { TOKEN } from "../fake.mjs";
import { SHOP, liveSession } from "../fixtures.mjs";
import { someLive } from "./pages.mjs";

async function watching(newPage, fake) {
  const page = await newPage();
  await open(page, fake.address, TOKEN, SHOP, "#/live");
  await page.getByText("Ansluten", { exact: true }).waitFor();
  await page.getByText(/samtal pågår/).waitFor();
  return page;
}

const card = (page, call) => page.locator(`[data-call="${call.id}"]`);

export const checks = {
  "a call comes, talks, costs and ends before one's eyes": async ({ newPage, fake }) => {
    const page = await watching(newPage, fake);
    await page.getByText("Inga samtal just nu").waitFor();
    const call = liveSession(300, { status: "connecting", connectedAt: undefined, questionsAsked: [] });
    fake.emit("call", call);
    await card(page, call).getByText("Ringer").waitFor();
    await page.locator("[aria-live] >> text=Ringer").waitFor({ state: "attached" });
    fake.emit("call", { ...call, status: "in_progress", connectedAt: new Date(Date.now() - 65_000).toISOString(), questionsAsked: ["a", "b"] });
    await card(page, call).getByText("Pågår").waitFor();
    assert.match(await card(page, call).locator(".ticking").innerText(), /^1:0[5-9]$/);
    const before = await card(page, call).locator(".ticking").innerText();
    await until("the seconds count", async () => (await card(page, call).locator(".ticking").innerText()) !== before);
    for (const n of [1, 2, 3, 4]) fake.emit("said", { callId: call.id, atMs: n * 1000, speaker: n % 2 ? "agent" : "caller", text: `Mening ${n}.`, unheard: "" });
    fake.emit("cost", { callId: call.id, costEstimate: 0.0471 });
    await card(page, call).getByText("Mening 4.").waitFor();
    assert.equal(await card(page, call).locator(".said li").count(), 3);
    assert.match((await card(page, call).innerText()).replaceAll(/\s/g, " "), /0,0471/);
    fake.emit("ended", { ...call, status: "completed", endReason: "completed", endedAt: new Date().toISOString(), durationSeconds: 66 });
    await page.getByRole("heading", { name: "Nyss avslutade" }).waitFor();
    await card(page, call).getByText("Intervjun blev klar").waitFor();
    await page.getByText("Inga samtal just nu").waitFor();
    assert.equal(await card(page, call).getByRole("button").count(), 0);
  },

  "a broken stream is taken up again, without the calls that ended meanwhile": async ({ newPage, fake }) => {
    const [going, ended] = someLive(fake);
    const page = await watching(newPage, fake);
    await card(page, ended).waitFor();
    fake.sessions = fake.sessions.filter((call) => call !== ended);
    fake.fault("GET /calls/live", 503, { code: "unavailable", message: "later" }, {}, 1);
    fake.drop();
    await page.getByText("Avbrott, ansluter igen").waitFor();
    await until("the stream is taken up again", () => fake.listeners === 1);
    await card(page, ended).waitFor({ state: "detached" });
    await card(page, going).waitFor();
    await page.getByText("Ansluten", { exact: true }).waitFor();
  },

  "a call is cut short only after a second thought": async ({ newPage, fake }) => {
    const [call] = someLive(fake);
    const page = await watching(newPage, fake);
    const cancel = card(page, call).getByRole("button", { name: "Avbryt samtalet" });
    await cancel.click();
    await page.getByRole("dialog", { name: "Avbryta samtalet?" }).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "Nej, låt det pågå");
    await assertAccessible(page);
    await page.keyboard.press("Escape");
    assert.equal(fake.find("POST", "/calls").length, 0);
    assert.ok(await cancel.evaluate((button) => button === document.activeElement));
    await cancel.click();
    await page.getByRole("button", { name: "Ja, avbryt" }).click();
    await card(page, call).getByText("Avbrutet av butiken").waitFor();
    assert.equal(fake.find("POST", `/calls/${call.id}/cancel`).length, 1);
    // The stream may tell of the end before the answer to the request, which closes the dialog.
    await page.getByRole("dialog").waitFor({ state: "detached" });
  },

  "a call that was over already is said to be": async ({ newPage, fake }) => {
    const [call] = someLive(fake);
    const page = await watching(newPage, fake);
    fake.fault("POST", 409, { code: "conflict", message: "over" });
    await card(page, call).getByRole("button", { name: "Avbryt samtalet" }).click();
    await page.getByRole("button", { name: "Ja, avbryt" }).click();
    await page.locator(".notice", { hasText: "redan avslutat" }).waitFor();
  },

  "a call's own page follows it to its end": async ({ newPage, fake }) => {
    const [call] = someLive(fake);
    const page = await newPage();
    await open(page, fake.address, TOKEN, SHOP, `#/calls/${call.id}`);
    await page.getByText("Samtalet pågår. Sidan följer det.").waitFor();
    await until("the stream is open", () => fake.listeners === 1);
    await until("the page was read again", () => fake.find("GET", `/calls/${call.id}`).length > 1);
    fake.emit("said", { callId: call.id, atMs: 41_000, speaker: "caller", text: "En sak till!" });
    await page.locator(".line", { hasText: "En sak till!" }).waitFor();
    Object.assign(call, { status: "completed", endReason: "completed", endedAt: new Date().toISOString(), durationSeconds: 61 });
    fake.emit("ended", call);
    await page.getByText("Intervjun blev klar").first().waitFor();
    await page.waitForSelector("audio");
    await until("nothing is followed any more", () => fake.listeners === 0);
  },

  "leaving the page ends the stream": async ({ newPage, fake }) => {
    const page = await watching(newPage, fake);
    assert.equal(fake.listeners, 1);
    await page.getByRole("link", { name: "Samtal", exact: true }).click();
    await until("nobody listens", () => fake.listeners === 0);
  },
};
