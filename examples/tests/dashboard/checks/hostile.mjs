// Texts that would like to be more than text.

import assert from "node:assert/strict";
import { assertFits, open, until } from "../browser.mjs";
import { TOKEN_OF_TWO } from "../fake.mjs";
import { CALL, OTHER_SHOP, QUESTION, SHOP, liveSession } from "../fixtures.mjs";
import { payloads } from "../payloads.mjs";

const ELEMENTS = "script, iframe, object, embed, base, link, meta, svg, math, img, video, form, input, template, style, marquee, x";

/** Everything foreign is one of the payloads, each of them somewhere. */
function poison(fake) {
  const nth = (n) => payloads[n % payloads.length];
  fake.businesses[SHOP].storeInfo.name = nth(0);
  fake.businesses[OTHER_SHOP].storeInfo.name = nth(1);
  fake.questions = payloads.map((text, i) => ({ id: QUESTION(i), businessId: SHOP, questionText: text, frequency: 3, priority: "high", departmentTags: [nth(i + 1), nth(i + 2)], isActive: i % 2 === 0, maxResponseTime: 30, followUpPrompts: [nth(i + 3)] }));
  const page = fake.page;
  fake.page = (call) => ({
    ...page(call),
    call: { ...call, summary: { summary: nth(2), sentiment: nth(3), topics: payloads, followUpWanted: nth(4) } },
    transcript: payloads.map((text, i) => ({ speaker: i % 3 ? "agent" : nth(i), fromMs: i * 100, untilMs: i * 100 + 90, text, unheard: nth(i + 5) })),
    responses: payloads.map((text, i) => ({ questionId: QUESTION(i), questionText: text, responseText: nth(i + 1), topics: [nth(i + 2)], outcome: nth(i + 3), sentimentScore: 0.1 })),
    timeline: payloads.map((text, i) => ({ id: String(i), eventType: text, eventData: { [text]: nth(i + 1), reason: i % 2 ? text : undefined }, timestamp: call.startedAt, source: nth(i + 2) })),
    attempts: payloads.slice(0, 40).map((text, i) => ({ startedAt: text, carrier: text, state: nth(i + 1), outcome: nth(i + 2) })),
    latency: { turns: [{ turn: nth(6), totalMs: 100, filler: true, parts: payloads.slice(0, 12).map((name) => ({ name, ms: 10 })) }] },
    consent: { disclosedAt: nth(7), disclosure: nth(8), given: true, words: nth(10), decidedAt: nth(9) },
  });
  fake.selection = () => ({
    selectedQuestions: payloads.map((questionText) => ({ questionText })), estimatedDuration: 60,
    selectionCriteria: { algorithm: nth(10), carryOver: payloads, considered: payloads.map((text, i) => ({ questionId: text, questionText: text, reason: nth(i + 1), sentence: nth(i + 2), estimatedMs: 1 })) },
  });
  const analytics = fake.analytics;
  fake.analytics = (...period) => ({
    ...analytics(...period),
    endReasons: payloads.map((reason) => ({ reason, count: 1 })),
    questions: payloads.map((questionText, i) => ({ questionId: QUESTION(i), questionText, asked: 1, answered: 1, answerRate: 1, topics: [{ topic: nth(i + 1), count: 1 }] })),
  });
  for (const [i, call] of fake.sessions.entries()) Object.assign(call, { customerPhone: nth(i), status: nth(i + 1), endReason: nth(i + 2) });
}

/** As the browser gives it back, with line ends and invisible characters as they are. */
const textOf = (page) => page.evaluate(() => document.body.textContent);

async function assertHarmless(page, where, expected = payloads) {
  assert.equal(await page.evaluate(() => window.ran ?? 0), 0, `${where}: a script ran`);
  const made = await page.evaluate((names) => [...document.querySelectorAll(`body :is(${names})`)].map((element) => element.outerHTML.slice(0, 200)), ELEMENTS);
  // Those the dashboard has itself carry no text of others.
  const foreign = made.filter((html) => !/^<(input|form)[^>]*(id="(from|until|customerCount|timeBudgetSeconds|tags)"|class="filters")/.test(html));
  assert.deepEqual(foreign, [], `${where}: elements were made`);
  const listeners = await page.evaluate(() => [...document.querySelectorAll("*")].flatMap((element) => element.getAttributeNames().filter((name) => name.startsWith("on"))));
  assert.deepEqual(listeners, [], `${where}: listeners were made`);
  const text = await textOf(page);
  for (const payload of expected) assert.ok(text.includes(payload), `${where}: ${JSON.stringify(payload)} is not shown literally`);
  await assertFits(page, where);
}

const WHERE = {
  "questions": ["#/questions", ".question"],
  "a call": [`#/calls/${CALL(1)}`, ".transcript .line"],
  "a preview": ["#/questions/preview?customerCount=1", ".considered li"],
  "analytics": ["#/analytics", ".plot canvas"],
};

export const checks = {
  "there are two hundred different ones": async () => {
    assert.ok(new Set(payloads).size >= 200, `${new Set(payloads).size}`);
  },

  "the payloads do run where text becomes markup": async ({ newPage }) => {
    const page = await newPage();
    page.troubles = [];
    await page.goto("about:blank");
    await page.evaluate((texts) => {
      for (const text of texts) {
        const place = document.createElement("div");
        place.innerHTML = text;
        document.body.append(place);
      }
    }, payloads.filter((text) => !/<(base|meta|iframe|object|embed|form)/.test(text)));
    await page.waitForFunction(() => window.ran >= 10);
    page.troubles = [];
  },

  "the live page shows them as they are": async ({ newPage, fake }) => {
    poison(fake);
    const page = await newPage({ width: 360 });
    await open(page, fake.address, TOKEN_OF_TWO, SHOP, "#/live");
    await until("the stream is open", () => fake.listeners > 0);
    // A card shows the last three sentences.
    const calls = Array.from({ length: Math.ceil(payloads.length / 3) }, (_, i) => liveSession(1000 + i, { customerPhone: payloads[i], priority: payloads[i] }));
    for (const call of calls) fake.emit("call", call);
    payloads.forEach((text, i) => fake.emit("said", { callId: calls[Math.floor(i / 3)].id, atMs: i, speaker: i % 2 ? "agent" : payloads[i], text, unheard: payloads.at(-i) }));
    await until("the last one is there", async () => (await page.locator(".said li").count()) >= payloads.length);
    await page.getByRole("button", { name: "Avbryt samtalet" }).first().click();
    await page.getByRole("dialog").waitFor();
    await assertHarmless(page, "live", [...payloads]);
  },

  ...Object.fromEntries(Object.entries(WHERE).map(([where, [hash, whole]]) => [`${where} shows them as they are`, async ({ newPage, fake }) => {
    poison(fake);
    const page = await newPage({ width: 360 });
    await open(page, fake.address, TOKEN_OF_TWO, SHOP, hash);
    await page.waitForSelector(whole);
    await until("it is whole", async () => (await textOf(page)).includes(payloads.at(-1)));
    await until("the shops have names", async () => (await textOf(page)).includes(payloads[1]));
    await assertHarmless(page, where);
  }])),

  "lists, choices, addresses and errors show them as they are": async ({ newPage, fake }) => {
    poison(fake);
    const page = await newPage({ width: 360 });
    await open(page, fake.address, TOKEN_OF_TWO, SHOP, "#/calls");
    await page.waitForSelector(".paging");
    await assertHarmless(page, "calls", payloads.slice(0, 20));
    await page.getByRole("button", { name: "Logga ut" }).click();
    await page.getByLabel("Åtkomstnyckel").fill(TOKEN_OF_TWO);
    await page.getByRole("button", { name: "Fortsätt" }).click();
    await page.waitForSelector(".choice");
    await assertHarmless(page, "sign in", payloads.slice(0, 2));
    await page.locator(".choice").first().click();
    for (const payload of payloads.slice(0, 12)) {
      await page.evaluate((text) => { location.hash = `#/calls/${encodeURIComponent(text)}`; }, payload);
      await page.getByText("hör till en annan butik").waitFor();
      await page.evaluate((text) => { location.hash = `#/analytics?questionId=${encodeURIComponent(text)}&from=${encodeURIComponent(text)}`; }, payload);
      await page.getByText("högst 366 dagar").waitFor();
      assert.equal(await page.evaluate(() => window.ran ?? 0), 0);
    }
    await open(page, fake.address, TOKEN_OF_TWO, SHOP, "#/questions/new");
    await page.getByLabel("Fråga", { exact: true }).fill("Hur hittade du till oss?");
    for (const payload of payloads.slice(0, 12)) {
      fake.fault("POST", 400, { code: "invalid", message: payload, details: { field: "questionText" } });
      await page.getByRole("button", { name: "Spara" }).click();
      await until("the objection is shown", async () => (await textOf(page)).includes(payload));
      assert.equal(await page.evaluate(() => window.ran ?? 0), 0);
    }
  },
};
