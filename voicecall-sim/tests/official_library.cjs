// Drives the simulator with Twilio's own Node library.
//
// Reads the same JSON object from standard input as official_library.py does, and ends with a stack trace at the first
// surprise. What each request is refused for is that script's business; this one goes once through every resource.

"use strict";

const assert = require("node:assert/strict");
const twilio = require("twilio");
const RequestClient = require("twilio/lib/base/RequestClient");

/** Sends what is meant for the carrier to the simulator. */
class ToSimulator extends RequestClient {
    constructor(api) {
        super();
        this.api = api;
    }

    request(options) {
        const uri = options.uri.replace(/^https:\/\/(api|conversations|intelligence)\.twilio\.com/, this.api);
        return super.request({ ...options, uri });
    }
}

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function until(look, what) {
    const deadline = Date.now() + 60_000;
    for (;;) {
        const found = await look();
        if (found) return found;
        assert.ok(Date.now() < deadline, what);
        await sleep(50);
    }
}

async function refused(run, status, code) {
    await assert.rejects(run, (error) => error.status === status && error.code === code);
}

async function calls(client, setup) {
    const made = await client.calls.create({
        to: setup.answers,
        from: setup.from,
        twiml: "<Response><Pause length='60'/></Response>",
        timeout: 20,
        record: true,
        recordingChannels: "dual",
        statusCallback: setup.answer_url,
        statusCallbackEvent: ["initiated", "answered", "completed"],
    });
    assert.deepEqual([made.status, made.direction, made.to], ["queued", "outbound-api", setup.answers]);
    const call = client.calls(made.sid);
    await until(async () => (await call.fetch()).status === "in-progress", "the call is not answered");
    assert.deepEqual((await client.calls.list({ to: setup.answers, pageSize: 1 })).map((found) => found.sid), [made.sid]);

    const recording = await call.recordings.create({ recordingChannels: "dual", trim: "do-not-trim" });
    // A recording of nothing is none.
    await sleep(300);
    assert.equal((await call.recordings(recording.sid).update({ status: "paused", pauseBehavior: "skip" })).status, "paused");
    assert.equal((await call.recordings(recording.sid).update({ status: "stopped" })).status, "processing");
    await until(async () => (await client.recordings(recording.sid).fetch()).status === "completed", "not recorded");

    const live = await call.transcriptions.create({ statusCallbackUrl: setup.answer_url, track: "inbound_track", name: "one" });
    assert.deepEqual([live.status, live.callSid], ["in-progress", made.sid]);
    assert.equal((await call.transcriptions("one").update({ status: "stopped" })).status, "stopped");

    const { transcripts } = client.intelligence.v2;
    const channel = { media_properties: { source_sid: recording.sid } };
    const transcript = await transcripts.create({ serviceSid: `GA${"1".repeat(32)}`, channel });
    const done = async () => (await transcripts(transcript.sid).fetch()).status === "completed";
    await until(done, "the transcript is not completed");
    const sentences = await transcripts(transcript.sid).sentences.list({ pageSize: 1 });
    assert.deepEqual(sentences.map((found) => found.mediaChannel), [1, 2]);
    assert.ok(await transcripts(transcript.sid).remove());
    assert.ok(await client.recordings(recording.sid).remove());

    assert.equal((await call.update({ status: "completed" })).status, "completed");
    await refused(() => call.update({ twiml: "<Response/>" }), 400, 21220);
}

async function messages(client, setup) {
    const sent = await client.messages.create({ to: setup.to, from: setup.from, body: "Hej då 🙂" });
    assert.deepEqual([sent.status, sent.body, sent.errorCode], ["queued", "Hej då 🙂", null]);
    await until(async () => (await client.messages(sent.sid).fetch()).status === "delivered", "not delivered");
    const media = await client.messages(setup.received).media.list();
    assert.deepEqual(media.map((medium) => medium.contentType), ["image/png"]);
    await refused(() => client.messages.create({ to: setup.stopped, from: setup.from, body: "Hej" }), 400, 21610);
    assert.equal((await client.messages(sent.sid).update({ body: "" })).body, "");
    assert.ok(await client.messages(sent.sid).remove());
}

async function numbers(client, setup) {
    const found = await client.availablePhoneNumbers("SE").mobile.list({ voiceEnabled: true });
    assert.deepEqual(found.map((number) => number.phoneNumber), setup.for_sale);
    const bought = await client.incomingPhoneNumbers.create({ phoneNumber: setup.for_sale[0], smsUrl: setup.answer_url });
    const number = client.incomingPhoneNumbers(bought.sid);
    assert.equal((await number.update({ voiceUrl: setup.answer_url })).voiceUrl, setup.answer_url);
    const owned = (await client.incomingPhoneNumbers.list()).map((known) => known.phoneNumber);
    assert.deepEqual(owned, [setup.from, setup.for_sale[0]]);
    assert.ok(await number.remove());
}

async function conversations(client, setup) {
    const { v1 } = client.conversations;
    const made = await v1.conversations.create({ uniqueName: "order 17", "timers.inactive": "PT1H" });
    assert.deepEqual([made.state, Object.keys(made.timers)], ["active", ["date_inactive"]]);
    await refused(() => v1.conversations.create({ uniqueName: "order 17" }), 409, 50353);
    const chat = v1.conversations(made.sid);
    const customer = await chat.participants.create({
        "messagingBinding.address": setup.answers,
        "messagingBinding.proxyAddress": setup.from,
    });
    const anna = await chat.participants.create({ identity: "anna" });
    assert.deepEqual((await chat.participants.list()).map((one) => one.sid), [customer.sid, anna.sid]);
    for (let number = 0; number < 3; number += 1) {
        const message = await chat.messages.create({ author: "anna", body: `Hej ${number}`, xTwilioWebhookEnabled: "true" });
        assert.equal(message.index, number);
    }
    const read = await chat.messages.list({ order: "desc", pageSize: 2 });
    assert.deepEqual(read.map((message) => message.body), ["Hej 2", "Hej 1", "Hej 0"]);
    const delivered = async () => (await chat.messages(read[2].sid).fetch()).delivery.delivered === "all";
    await until(delivered, "the message is not delivered");
    const receipts = await chat.messages(read[2].sid).deliveryReceipts.list();
    assert.deepEqual(receipts.map((receipt) => [receipt.status, receipt.participantSid]), [["delivered", customer.sid]]);
    const hook = await chat.webhooks.create({ target: "webhook", "configuration.url": setup.answer_url });
    assert.ok(await chat.webhooks(hook.sid).remove());
    const hooks = v1.configuration.webhooks();
    assert.equal((await hooks.update({ postWebhookUrl: setup.answer_url })).postWebhookUrl, setup.answer_url);
    assert.equal((await chat.update({ state: "closed" })).state, "closed");
    assert.ok(await chat.remove());
}

function signatures(_client, setup) {
    assert.ok(setup.webhooks.length > 0);
    for (const { url, form, signature } of setup.webhooks) {
        const fields = {};
        for (const [name, value] of form) {
            fields[name] = name in fields ? [fields[name], value].flat() : value;
        }
        assert.ok(twilio.validateRequest(setup.auth_token, signature, url, fields), url);
        assert.ok(!twilio.validateRequest(setup.auth_token, signature, `${url}x`, fields), url);
    }
}

async function main() {
    let text = "";
    for await (const piece of process.stdin) text += piece;
    const setup = JSON.parse(text);
    const client = twilio(setup.account_sid, setup.auth_token, { httpClient: new ToSimulator(setup.api) });
    assert.equal((await client.api.v2010.accounts(setup.account_sid).fetch()).status, "active");
    const stranger = twilio(setup.account_sid, "wrong", { httpClient: new ToSimulator(setup.api) });
    await refused(() => stranger.calls.list(), 401, 20003);
    for (const part of [calls, messages, numbers, conversations, signatures]) await part(client, setup);
    console.log("ok");
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
