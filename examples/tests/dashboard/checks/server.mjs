// The dashboard on a running server with a customer at the other end: a call from its order to the figures it left.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { assertAccessible } from "../accessibility.mjs";
import { PICTURES, assertFits, assertWhole, open, until } from "../browser.mjs";

/** The customer of the demonstration's shop. */
const VERIFICATION = "0192f0c0-0000-7000-8000-000000000021";
const PHONE = "+46701234567";

/** A call takes at most two minutes from its answer, and time to come about. */
const WHOLE_CALL_MS = 180_000;

/** The recording is as long as the connection; the session's length is in whole seconds. */
const ROUNDED_S = 2;

/** The call that the first check orders and the others read. */
let call;

const businessOf = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url")).businesses[0];

/** A request of our own, beside the page. */
async function api({ server, token }, method, path, body) {
  const headers = { authorization: `Bearer ${token}`, ...(body && { "content-type": "application/json" }) };
  const response = await fetch(`${server}/api${path}`, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${await response.clone().text()}`);
  return response;
}

/** A page whose failed requests are failures too: on a server that is well there are none. */
async function watched(newPage, how) {
  const page = await newPage(how);
  page.on("response", (response) => {
    if (response.status() >= 400) page.troubles.push(`${response.status()} ${response.url()}`);
  });
  return page;
}

/** A page of the dashboard that begins at `hash`. */
async function at(newPage, options, hash, how) {
  const page = await watched(newPage, how);
  await open(page, options.server, options.token, businessOf(options.token), hash);
  return page;
}

/** Length in seconds of a WAV file. */
function lengthOf(wav) {
  const view = new DataView(wav);
  const text = (from) => String.fromCharCode(...new Uint8Array(wav, from, 4));
  for (let from = 12; from + 8 <= wav.byteLength; from += 8 + view.getUint32(from + 4, true)) {
    if (text(from) === "data") return view.getUint32(from + 4, true) / view.getUint32(28, true);
  }
  throw new Error("not a WAV file with audio");
}

const plain = async (locator) => (await locator.innerText()).replaceAll(/\s+/g, " ");

/** Pictures of a page that is whole: as it is, and in the other colours. */
async function shots(page, name) {
  await assertFits(page, name);
  await assertWhole(page, name);
  for (const scheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.screenshot({ path: `${PICTURES}/server-${name}-${scheme}.png`, fullPage: true });
  }
  await assertAccessible(page);
}

/** The player has the whole recording, and plays it. */
async function assertPlays(page, options) {
  const recording = await (await api(options, "GET", `/calls/${call.id}/recording`)).arrayBuffer();
  const audio = page.locator("audio");
  await until("the player knows how long the recording is", () => audio.evaluate((player) => player.readyState >= 1));
  const duration = await audio.evaluate((player) => player.duration);
  assert.ok(Math.abs(duration - lengthOf(recording)) < 0.05, `${duration} s, the file has ${lengthOf(recording)} s`);
  assert.ok(Math.abs(duration - call.durationSeconds) <= ROUNDED_S, `${duration} s, the call took ${call.durationSeconds} s`);
  await page.locator(".line button.when").nth(1).click();
  const from = await audio.evaluate((player) => player.currentTime);
  assert.ok(from > 0);
  await until("it plays", () => audio.evaluate((player, from) => player.currentTime > from + 0.2, from));
  await page.locator('.line[aria-current="true"]').waitFor();
  await audio.evaluate((player) => player.pause());
}

export const checks = {
  "a call is watched from its order to its end": async ({ newPage, options }) => {
    const page = await watched(newPage);
    const response = await page.goto(`${options.server}/dashboard/`);
    assert.match(response.headers()["content-security-policy"], /^default-src 'none'/);
    await page.getByLabel("Åtkomstnyckel").fill(options.token);
    await page.getByRole("button", { name: "Fortsätt" }).click();
    await page.getByText("Ansluten", { exact: true }).waitFor();
    await page.getByText("Inga samtal just nu").waitFor();

    const order = { verificationId: options.verification ?? VERIFICATION, businessId: businessOf(options.token), customerPhone: options.phone ?? PHONE };
    call = await (await api(options, "POST", "/calls/initiate", order)).json();
    const card = page.locator(`[data-call="${call.id}"]`);
    await card.getByText("Ringer").waitFor({ timeout: WHOLE_CALL_MS });
    await card.getByText("Pågår").waitFor({ timeout: WHOLE_CALL_MS });
    const phone = await card.locator(".phone").innerText();
    assert.match(phone, /^\+46\*+67$/);
    await card.locator(".by-agent").first().waitFor({ timeout: WHOLE_CALL_MS });
    const cost = await card.locator(".figures dd").nth(2).innerText();

    const own = await at(newPage, options, `#/calls/${call.id}`);
    await own.getByText("Samtalet pågår. Sidan följer det.").waitFor();
    await card.locator(".by-caller").first().waitFor({ timeout: WHOLE_CALL_MS });
    await own.locator(".line.by-caller").first().waitFor({ timeout: WHOLE_CALL_MS });
    await until("it costs more", async () => (await card.locator(".figures dd").nth(2).innerText()) !== cost);
    // No more than that: the call needs the processor.
    await page.screenshot({ path: `${PICTURES}/server-live-desk-light.png`, fullPage: true });

    await card.getByText("Intervjun blev klar").waitFor({ timeout: WHOLE_CALL_MS });
    await own.getByText("Intervjun blev klar").first().waitFor();
    await own.waitForSelector("audio");
    await card.getByRole("link", { name: "Visa samtalet" }).click();
    await page.getByRole("heading", { name: `Samtal med ${phone}` }).waitFor();
    ({ call } = await (await api(options, "GET", `/calls/${call.id}`)).json());
  },

  "everything the call left is on its page": async ({ newPage, options }) => {
    const page = await at(newPage, options, `#/calls/${call.id}`);
    await page.waitForSelector("audio");
    const kept = await (await api(options, "GET", `/calls/${call.id}`)).json();

    const spoken = kept.transcript.map(({ speaker }) => speaker);
    assert.ok(spoken.includes("agent") && spoken.includes("caller"));
    assert.equal(await page.locator(".transcript .line.by-agent").count(), spoken.filter((speaker) => speaker === "agent").length);
    assert.equal(await page.locator(".transcript .line.by-caller").count(), spoken.filter((speaker) => speaker === "caller").length);
    const unheard = kept.transcript.filter((line) => line.unheard);
    assert.ok(unheard.length > 0, "the customer interrupts");
    assert.deepEqual(await page.locator(".transcript .unheard s").allInnerTexts(), unheard.map((line) => line.unheard));
    assert.match(await plain(page.locator(".transcript")), /Kunden .*Jag är mycket nöjd, allt gick snabbt\./);

    assert.equal(await page.locator(".answers > li").count(), 2);
    const answers = await plain(page.locator(".answers"));
    for (const expected of ["Hur nöjd är du med ditt senaste besök?", "Positiv +0,90", "Hur var bemötandet från personalen?", "Positiv +0,80", "personal"]) {
      assert.ok(answers.includes(expected), `${expected} is not in ${answers}`);
    }
    const timeline = await plain(page.locator(".timeline"));
    for (const event of ["Beställt", "Uppringning", "Kunden svarade", "Assistenten ansluten", "Fråga ställd", "Svar sparat", "Avslutat som det skulle"]) {
      assert.ok(timeline.includes(event), `${event} is not in ${timeline}`);
    }
    assert.equal(await page.locator(".bars li").count(), kept.latency.turns.length);
    const total = kept.cost.total.toFixed(4).replace(".", ",");
    assert.ok(kept.cost.total > 0 && (await plain(page.locator(".costs"))).includes(`Totalt ${total} $`));
    const proof = await plain(page.getByRole("region", { name: "Samtycke" }));
    assert.match(proof, /Kunden samtyckte/);
    assert.ok(proof.includes(kept.consent.disclosure), proof);
    await assertPlays(page, options);
  },

  "a question is created, changed and tried out": async ({ newPage, options }) => {
    const page = await at(newPage, options, "#/questions");
    await page.getByRole("link", { name: "Ny fråga" }).click();
    await page.getByLabel("Fråga", { exact: true }).fill("Hur hittade du till oss?");
    await page.getByLabel("Ställs till var N:te kund").fill("100");
    await page.getByRole("button", { name: "Spara" }).click();
    await page.locator(".notice", { hasText: "Frågan är sparad" }).waitFor();
    await page.getByRole("link", { name: "Ändra: Hur hittade du" }).click();
    await page.getByLabel("Fråga", { exact: true }).fill("Hur hittade du hit till oss?");
    await page.getByLabel("Prioritet").selectOption({ label: "Låg" });
    await page.getByLabel("Följdfrågor").fill("Var såg du oss först?");
    await page.getByRole("button", { name: "Spara" }).click();
    await page.getByText("Hur hittade du hit till oss?", { exact: true }).waitFor();
    const { configurations } = await (await api(options, "GET", `/questions/configurations?businessId=${businessOf(options.token)}`)).json();
    const saved = configurations.filter(({ questionText }) => questionText.startsWith("Hur hittade du"));
    assert.deepEqual(saved.map(({ questionText, frequency, priority, followUpPrompts }) => ({ questionText, frequency, priority, followUpPrompts })),
      [{ questionText: "Hur hittade du hit till oss?", frequency: 100, priority: "low", followUpPrompts: ["Var såg du oss först?"] }]);

    await page.getByRole("link", { name: "Prova urval" }).click();
    await page.getByLabel("Kundens nummer").fill("7");
    await page.getByLabel("Tid, sekunder").fill("90");
    await page.getByRole("button", { name: "Visa urvalet" }).click();
    await page.getByRole("heading", { name: "Ställs (2)" }).waitFor();
    assert.deepEqual(await page.locator(".selected li").allInnerTexts(), ["Hur nöjd är du med ditt senaste besök?", "Hur var bemötandet från personalen?"]);
    const [considered] = await page.locator(".considered > li", { hasText: "Hur hittade du hit" }).allInnerTexts();
    assert.match(considered, /Det är inte den här kundens tur\..*Asked of every 100th customer; this is the 7th/s);
  },

  "the figures and the file hold the call": async ({ newPage, options }) => {
    const page = await at(newPage, options, "#/analytics");
    await page.waitForSelector(".plot canvas");
    assert.equal(await page.locator(".plot canvas").count(), 3);
    const tiles = await plain(page.locator(".tiles"));
    assert.match(tiles, /Samtal 1 /);
    assert.match(tiles, /Slutförda 100 %/);
    const questions = await plain(page.getByRole("table", { name: /fråga/i }));
    assert.match(questions, /Hur nöjd är du med ditt senaste besök\? 1 1 100 % .*\+0,90/);
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Hämta CSV" }).click()]);
    const lines = (await readFile(await download.path(), "utf8")).trim().split(/\r?\n/);
    assert.equal(lines.length, 2, lines.join("\n"));
    assert.ok(lines[1].includes(call.id) && lines[1].includes("completed"), lines[1]);
  },
};

/** Each page with the call in it: its address, and what stands there once it is whole. */
const PAGES = {
  calls: [() => "#/calls", ".paging"],
  call: [() => `#/calls/${call.id}`, "audio"],
  questions: [() => "#/questions", ".question"],
  "question-form": [() => "#/questions/new", "form"],
  preview: [() => "#/questions/preview?customerCount=7&timeBudgetSeconds=90", ".considered li"],
  analytics: [() => "#/analytics", ".plot canvas"],
};
for (const [name, [hash, whole]] of Object.entries(PAGES)) {
  checks[`${name} looks right on a desk and in a hand`] = async ({ newPage, options }) => {
    for (const [where, how] of Object.entries({ desk: { width: 1280 }, hand: { width: 360, height: 740, hasTouch: true, isMobile: true } })) {
      const page = await at(newPage, options, hash(), how);
      await page.waitForSelector(whole);
      await shots(page, `${name}-${where}`);
    }
  };
}
