// The dashboard on a running server: signing in, watching a call, reading what it left.

import assert from "node:assert/strict";
import { PICTURES } from "../browser.mjs";

/** The customer of the demonstration's shop. */
const VERIFICATION = "0192f0c0-0000-7000-8000-000000000021";
const PHONE = "+46701234567";

/** A call takes at most two minutes from its answer, and time to come about. */
const WHOLE_CALL_MS = 180_000;

async function call({ server, token, verification = VERIFICATION, phone = PHONE }) {
  const [businessId] = JSON.parse(Buffer.from(token.split(".")[1], "base64url")).businesses;
  const response = await fetch(`${server}/api/calls/initiate`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ verificationId: verification, businessId, customerPhone: phone }),
  });
  assert.equal(response.status, 201, await response.clone().text());
  return response.json();
}

export const checks = {
  "a call is watched from its first second to what it left": async ({ newPage, options }) => {
    const page = await newPage();
    const response = await page.goto(`${options.server}/dashboard/`);
    assert.match(response.headers()["content-security-policy"], /^default-src 'none'/);
    await page.getByLabel("Åtkomstnyckel").fill(options.token);
    await page.getByRole("button", { name: "Fortsätt" }).click();
    await page.getByText("Ansluten", { exact: true }).waitFor();

    const { id } = await call(options);
    const card = page.locator(`[data-call="${id}"]`);
    await card.getByText("Pågår").waitFor({ timeout: WHOLE_CALL_MS });
    await card.locator(".by-agent").first().waitFor({ timeout: WHOLE_CALL_MS });
    await page.screenshot({ path: `${PICTURES}/server-live.png`, fullPage: true });
    await card.getByText("Intervjun blev klar").waitFor({ timeout: WHOLE_CALL_MS });

    await card.getByRole("link", { name: "Visa samtalet" }).click();
    await page.getByText("Kunden samtyckte").waitFor();
    await page.waitForSelector("audio");
    for (const part of [".transcript .by-agent", ".transcript .by-caller", ".answers li", ".timeline li", ".bars li"]) {
      assert.ok((await page.locator(part).count()) > 0, part);
    }
    await page.screenshot({ path: `${PICTURES}/server-call.png`, fullPage: true });

    for (const [menu, whole] of [["Samtal", ".table tbody tr"], ["Frågor", ".question"], ["Analys", ".plot canvas"]]) {
      await page.getByRole("link", { name: menu, exact: true }).click();
      await page.waitForSelector(whole);
    }
  },
};
