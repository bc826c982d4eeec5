// Every page, with everything it should show; pictures of each, on a desk and in a hand, in light and dark.

import assert from "node:assert/strict";
import { assertAccessible } from "../accessibility.mjs";
import { PICTURES, assertFits, assertWhole, open, until } from "../browser.mjs";
import { TOKEN, TOKEN_OF_TWO } from "../fake.mjs";
import { CALL, OTHER_SHOP, SHOP, liveSession } from "../fixtures.mjs";

/** Each page: its address, and what stands there once it is whole. */
export const PAGES = {
  live: ["#/live", ".live-card"],
  calls: ["#/calls", ".paging"],
  call: [`#/calls/${CALL(1)}`, "audio"],
  questions: ["#/questions", ".question"],
  "question-form": ["#/questions/new", "form"],
  preview: ["#/questions/preview?customerCount=14&timeBudgetSeconds=90", ".considered li"],
  analytics: ["#/analytics", ".plot canvas"],
};

/** Two calls going on and one just waiting. */
export function someLive(fake) {
  const live = [liveSession(201), liveSession(202, { status: "connecting", connectedAt: undefined, questionsAsked: [], costEstimate: 0.002 }),
    liveSession(203, { status: "initiated", connectedAt: undefined, questionsAsked: [], costEstimate: 0, attempts: 2, nextAttemptAt: new Date(Date.now() + 600_000).toISOString() })];
  fake.sessions.unshift(...live);
  return live;
}

async function shot(page, name) {
  await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage: true });
}

async function see(newPage, fake, name, how, suffix) {
  const page = await newPage(how);
  const [hash, whole] = PAGES[name];
  const live = someLive(fake);
  await open(page, fake.address, TOKEN, SHOP, hash);
  await page.waitForSelector(whole);
  if (name === "live") {
    await until("the stream is open", () => fake.listeners > 0);
    fake.emit("said", { callId: live[0].id, atMs: 1000, speaker: "agent", text: "Tack! Hur nöjd är du med ditt senaste", unheard: "besök?" });
    fake.emit("said", { callId: live[0].id, atMs: 4000, speaker: "caller", text: "Jo, jag är jättenöjd faktiskt." });
    await page.getByText("jättenöjd").waitFor();
  }
  await assertFits(page, name);
  await assertWhole(page, name);
  await shot(page, `${name}-${suffix}-${how.dark ? "dark" : "light"}`);
  await page.emulateMedia({ colorScheme: how.dark ? "light" : "dark" });
  await shot(page, `${name}-${suffix}-${how.dark ? "light" : "dark"}`);
  await page.emulateMedia({ colorScheme: how.dark ? "dark" : "light" });
  await page.evaluate(() => document.querySelectorAll("details").forEach((part) => { part.open = true; }));
  await assertAccessible(page);
  return page;
}

/** Players note in `window.played` where they would play from, and stay there. */
export function holdStill(page) {
  return page.evaluate(() => {
    window.played = [];
    HTMLMediaElement.prototype.play = async function play() {
      window.played.push(this.currentTime);
    };
  });
}

const shown = {};
for (const name of Object.keys(PAGES)) {
  shown[`${name} is shown on a desk`] = async ({ newPage, fake }) => {
    const page = await see(newPage, fake, name, { width: 1280 }, "desk");
    assert.equal(await page.locator("h1").count(), 1);
    assert.match(await page.title(), /.+ – Kundsamtal$/);
  };
  shown[`${name} fits 360 pixels, in the dark`] = ({ newPage, fake }) => see(newPage, fake, name, { width: 360, height: 740, dark: true, hasTouch: true, isMobile: true }, "hand");
}

export const checks = {
  "it is said that calls are simulated, and that a voice without words stands in": async ({ newPage, fake }) => {
    fake.service = { simulated: true, simulatedVoice: "stand_in" };
    const page = await newPage();
    await open(page, fake.address, TOKEN, SHOP, "#/calls");
    await page.getByText("röst utan ord").waitFor();
    assert.match(await page.locator(".service").innerText(), /simulerade.*espeak-ng/);
    fake.service = undefined;
    await page.reload();
    await page.getByRole("heading", { name: "Samtal" }).waitFor();
    assert.equal(await page.locator(".service").innerText(), "");
  },

  ...shown,

  "signing in asks which business, and remembers it for the tab": async ({ newPage, fake }) => {
    const page = await newPage();
    await page.goto(`${fake.address}/dashboard/`);
    await page.getByLabel("Åtkomstnyckel").waitFor();
    await shot(page, "sign-in");
    await assertAccessible(page);
    await page.getByLabel("Åtkomstnyckel").fill("nonsense");
    await page.getByRole("button", { name: "Fortsätt" }).click();
    await page.getByText("ingen åtkomstnyckel").waitFor();
    await page.getByLabel("Åtkomstnyckel").fill(TOKEN_OF_TWO.replace(/.$/, "x"));
    await page.getByRole("button", { name: "Fortsätt" }).click();
    await page.getByText("godtar inte nyckeln").waitFor();
    await page.getByLabel("Åtkomstnyckel").fill(`Bearer ${TOKEN_OF_TWO}\n`);
    await page.getByRole("button", { name: "Fortsätt" }).click();
    await page.getByRole("button", { name: "Bokhandeln" }).waitFor();
    await shot(page, "sign-in-business");
    await assertAccessible(page);
    await page.getByRole("button", { name: "Bokhandeln" }).click();
    await page.getByRole("heading", { name: "Live" }).waitFor();
    assert.equal(await page.getByLabel("Butik").inputValue(), OTHER_SHOP);
    await page.reload();
    await page.getByText("Inga samtal just nu").waitFor();
    await page.getByLabel("Butik").selectOption({ label: "Kaffebutiken" });
    await until("the other shop is asked for", () => fake.find("GET", "/calls").some(({ query }) => query.businessId === SHOP));
    await page.getByRole("button", { name: "Logga ut" }).click();
    await page.locator("main").getByText("Du är utloggad").waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length + localStorage.length), 0);
  },

  "a finished call is shown whole": async ({ newPage, fake }) => {
    const page = await newPage();
    await open(page, fake.address, TOKEN, SHOP, `#/calls/${CALL(1)}`);
    const main = page.locator("main");
    await page.waitForSelector("audio");
    const text = await main.innerText();
    for (const expected of ["+46*******11", "Intervjun blev klar", "1:22", "mycket nöjd med besöket", "Kunden samtyckte", "46elks", "Nekad", "Personalen var trevlig", "Positiv +0,80", "Säkerhet 97", "Ville inte svara", "Assistenten ombads avrunda", "0,0622", "1,3 s", "Telefoni"]) {
      assert.ok(text.replaceAll(/\s/g, " ").includes(expected), `${expected} is missing`);
    }
    const unheard = page.locator(".unheard");
    assert.equal(await unheard.count(), 1);
    assert.match(await unheard.innerText(), /ohört/);
    assert.equal(await unheard.locator("s").innerText(), "som gjorde att det kändes så bra?");
  },

  "a line of the transcript is played from its beginning": async ({ newPage, fake }) => {
    const page = await newPage();
    await open(page, fake.address, TOKEN, SHOP, `#/calls/${CALL(1)}`);
    await page.waitForSelector("audio");
    await page.waitForFunction(() => document.querySelector("audio").readyState > 0);
    await holdStill(page);
    await page.locator(".line", { hasText: "trevlig och hjälpsam" }).click();
    assert.deepEqual(await page.evaluate(() => window.played), [31]);
    assert.match(await page.locator(".line[aria-current]").innerText(), /trevlig/);
    await page.getByRole("button", { name: "Spela från 0:16" }).press("Enter");
    assert.match(await page.locator(".line[aria-current]").innerText(), /lång kö/);
    assert.deepEqual(await page.evaluate(() => window.played), [31, 16]);
  },

  "latency is a table as well": async ({ newPage, fake }) => {
    const page = await newPage();
    await open(page, fake.address, TOKEN, SHOP, `#/calls/${CALL(1)}`);
    await page.locator("details", { hasText: "Replik" }).getByText("Visa som tabell").click();
    const table = page.getByRole("table", { name: "Svarstid per replik" });
    assert.match(await table.innerText(), /utfyllnad/);
    assert.equal(await table.getByRole("row").count(), 5);
    assert.equal(await page.locator(".bars li").count(), 4);
  },

  "calls are filtered, and read a page at a time": async ({ newPage, fake }) => {
    const page = await newPage();
    await open(page, fake.address, TOKEN, SHOP, "#/calls");
    await page.getByText("60 samtal").waitFor();
    await page.getByRole("link", { name: "Nästa" }).click();
    await page.getByText("Sida 2 av 3").waitFor();
    await page.getByLabel("Slutorsak").selectOption("no_answer");
    await page.getByText("8 samtal").waitFor();
    assert.match(page.url(), /endReason=no_answer/);
    assert.equal(await page.getByRole("row").count(), 9);
    await page.getByLabel("Status").selectOption("completed");
    await page.getByText("Inga samtal passar filtret").waitFor();
    await page.goBack();
    await page.getByText("8 samtal").waitFor();
    await page.getByRole("link", { name: "Rensa filter" }).click();
    await page.getByLabel("Till och med").fill("2026-03-29");
    await until("the day is asked for whole, in local time", () => fake.requests.at(-1).query.until === "2026-03-29T21:59:59.999999999Z");
    await page.getByLabel("Från och med").fill("2026-03-30");
    await page.getByText("före startdatumet").waitFor();
  },

  "an address that leads nowhere says so": async ({ newPage, fake }) => {
    const page = await newPage();
    await open(page, fake.address, TOKEN, SHOP, "#/nowhere/at/all");
    await page.getByRole("heading", { name: "Sidan finns inte" }).waitFor();
    await open(page, fake.address, TOKEN, SHOP, "#/calls/%E0%A4%A");
    await page.getByText("hör till en annan butik").waitFor();
  },
};
