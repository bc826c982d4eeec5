// A shop with calls, questions and figures, in the shapes of the HTTP interface.

export const SHOP = "0192f0c0-0000-7000-8000-000000000001";
export const OTHER_SHOP = "0192f0c0-0000-7000-8000-000000000002";
const id = (kind, n) => `0192f0c0-0000-7000-8000-${kind}${String(n).padStart(8, "0")}`;
export const QUESTION = (n) => id("00aa", n);
export const CALL = (n) => id("00cc", n);

const MINUTE = 60_000;
export const ago = (ms) => new Date(Date.now() - ms).toISOString();
const DAY = 24 * 60 * MINUTE;

/** A token as the server makes them; the fake server knows it by heart instead of checking the signature. */
export function token(businesses, subject = "test") {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return [part({ alg: "HS256", typ: "JWT" }), part({ sub: subject, aud: "feedback", exp: 4102444800, businesses }), "c2lnbmF0dXJl"].join(".");
}

export const businesses = () => ({
  [SHOP]: { businessId: SHOP, storeInfo: { name: "Kaffebutiken" }, questionSettings: {}, callPreferences: { fromHour: "08:00", untilHour: "21:00" } },
  [OTHER_SHOP]: { businessId: OTHER_SHOP, storeInfo: { name: "Bokhandeln" }, questionSettings: {}, callPreferences: {} },
});

export function questions() {
  const question = (n, questionText, frequency, priority, departmentTags, more = {}) => ({
    id: QUESTION(n), businessId: SHOP, questionText, frequency, priority, departmentTags, isActive: true, maxResponseTime: 30, followUpPrompts: [], ...more,
  });
  return [
    question(1, "Hur nöjd är du med ditt senaste besök?", 1, "high", ["besök"], { followUpPrompts: ["Vad gjorde att du kände så?"] }),
    question(2, "Hur var bemötandet från personalen?", 7, "medium", ["personal"], { followUpPrompts: ["Kan du berätta lite mer?", "Var det någon särskild?"] }),
    question(3, "Hittade du det du letade efter?", 2, "medium", ["sortiment", "butik"], { maxResponseTime: 20 }),
    question(4, "Vad skulle vi kunna göra bättre?", 3, "low", ["general"], { activeFrom: "2026-10-01T06:00:00Z", activeUntil: "2026-12-31T22:00:00Z" }),
    question(5, "Skulle du rekommendera oss till en vän?", 5, "low", ["general"], { isActive: false }),
  ];
}

export function session(n, more = {}) {
  return {
    id: CALL(n), businessId: SHOP, status: "completed", startedAt: ago(n * 47 * MINUTE), connectedAt: ago(n * 47 * MINUTE - 8000), endedAt: ago(n * 47 * MINUTE - 90_000),
    endReason: "completed", durationSeconds: 82, questionsAsked: [QUESTION(1), QUESTION(2)], costEstimate: 0.0612 + n / 10_000,
    customerPhone: `+46*******${10 + (n % 80)}`, priority: "normal", attempts: 1, ...more,
  };
}

/** A call that has only just been answered. */
export const liveSession = (n, more = {}) => session(n, {
  status: "in_progress", startedAt: ago(40_000), connectedAt: ago(31_000), endedAt: undefined, endReason: undefined, durationSeconds: null,
  questionsAsked: [QUESTION(1)], costEstimate: 0.0231, ...more,
});

export function sessions() {
  const ends = [
    ["completed", "completed"], ["failed", "no_answer"], ["completed", "declined"], ["timeout", "timeout"], ["failed", "customer_hangup"],
    ["completed", "completed"], ["failed", "busy"], ["failed", "voicemail"],
  ];
  return Array.from({ length: 60 }, (_, i) => {
    const [status, endReason] = ends[i % ends.length];
    const answered = !["no_answer", "busy"].includes(endReason);
    return session(i + 1, { status, endReason, ...(answered ? {} : { connectedAt: undefined, durationSeconds: null, questionsAsked: [] }) });
  });
}

export function callPage(call) {
  const at = (s) => new Date(new Date(call.startedAt).getTime() + s * 1000).toISOString();
  const event = (n, eventType, s, source, eventData = {}) => ({ id: id("00ee", n), sessionId: call.id, eventType, eventData, timestamp: at(s), source });
  const line = (speaker, from, until, text, unheard = "", estimated = false) => ({ speaker, fromMs: from * 1000, untilMs: until * 1000, text, unheard, estimated });
  const turn = (n, filler, ...ms) => ({
    turn: n, totalMs: ms.reduce((a, b) => a + b), filler,
    parts: ["end_of_turn", "transcript", "first_sentence", "first_audio", "wire", "heard"].map((name, i) => ({ name, ms: ms[i] })),
  });
  return {
    call: { ...call, summary: { summary: "Kunden är mycket nöjd med besöket och personalen, men tycker att kön var lång på lördagen.", sentiment: 0.62, topics: ["kö", "personal", "kaffe"], followUpWanted: false } },
    transcript: [
      line("agent", 0.4, 8.9, "Hej! Jag är en AI-assistent som ringer från Kaffebutiken. Samtalet tar under två minuter och spelas in om du säger ja. Får jag ställa två korta frågor?"),
      line("caller", 9.6, 10.8, "Ja, det går bra."),
      line("agent", 12.0, 15.1, "Tack! Hur nöjd är du med ditt senaste besök?"),
      line("caller", 16.0, 21.5, "Jag är mycket nöjd, allt gick snabbt. Fast på lördagen var det lite lång kö."),
      line("agent", 23.1, 24.6, "Tack, det låter bra. Vad var det", "som gjorde att det kändes så bra?"),
      line("caller", 24.4, 26.0, "Och kaffet var gott!", "", true),
      line("agent", 27.4, 30.0, "Vad roligt. Hur var bemötandet från personalen?"),
      line("caller", 31.0, 34.2, "Personalen var trevlig och hjälpsam."),
      line("agent", 35.5, 38.0, "Tack för dina svar och ha en fin dag!"),
    ],
    responses: [
      { questionId: QUESTION(1), questionText: "Hur nöjd är du med ditt senaste besök?", responseText: "Jag är mycket nöjd, allt gick snabbt. Fast på lördagen var det lite lång kö.", responseDuration: 5.5, confidenceScore: 0.94, sentimentScore: 0.71, askedAt: at(20), respondedAt: at(29), outcome: "answered", topics: ["kö", "snabbhet"] },
      { questionId: QUESTION(2), questionText: "Hur var bemötandet från personalen?", responseText: "Personalen var trevlig och hjälpsam.", responseDuration: 3.2, confidenceScore: 0.97, sentimentScore: 0.8, askedAt: at(35), respondedAt: at(42), outcome: "answered", topics: ["personal"] },
      { questionId: QUESTION(3), questionText: "Hittade du det du letade efter?", responseText: "", responseDuration: 0, askedAt: at(43), outcome: "refused", topics: [] },
    ],
    timeline: [
      event(1, "initiated", 0, "system"), event(2, "connecting", 1.2, "telephony", { carrier: "46elks" }), event(3, "answered", 8, "telephony"), event(4, "ai_connected", 8.3, "ai"),
      event(5, "question_asked", 20, "ai", { questionId: QUESTION(1) }), event(6, "response_received", 29, "customer", { questionId: QUESTION(1) }),
      event(7, "question_asked", 35, "ai", { questionId: QUESTION(2) }), event(8, "response_received", 42, "customer", { questionId: QUESTION(2) }),
      event(9, "warning_sent", 46, "system"), event(10, "completed", 90, "ai", { reason: "completed" }),
    ],
    latency: { turns: [turn(1, false, 620, 180, 240, 150, 20, 60), turn(2, true, 640, 210, 910, 380, 20, 60), turn(3, false, 600, 170, 260, 140, 20, 70), turn(4, false, 610, 190, 220, 160, 20, 60)], medianMs: 1270, p95Ms: 2220 },
    cost: { carrier: 0.0214, transcription: 0.0071, speech: 0.0183, model: 0.0154, total: 0.0622 },
    consent: { disclosedAt: at(8.4), disclosure: "Jag är en AI-assistent som ringer från Kaffebutiken. Samtalet spelas in om du säger ja.", given: true, words: "Ja, det går bra.", decidedAt: at(18.8) },
    attempts: [
      { startedAt: at(0.4), carrier: "46elks", state: "rejected", outcome: "insufficient funds" },
      { startedAt: at(1.1), carrier: "twilio", state: "accepted", outcome: "completed" },
    ],
    anonymised: false,
  };
}

export function selection(customerCount, timeBudget) {
  const considered = questions().map((question, i) => {
    const due = customerCount % question.frequency === 0;
    const reason = !question.isActive ? "not_active" : !due ? "not_due" : i === 2 ? "no_time" : "selected";
    const sentence = {
      not_active: "Frågan är avstängd.",
      not_due: `Frågan ställs till var ${question.frequency}:e kund, och det här är kund nummer ${customerCount}.`,
      no_time: "Frågan är aktuell, men de som rangordnas högre fyllde tiden.",
      selected: "Frågan är aktuell och ryms i tiden; den har hög prioritet.",
    }[reason];
    return { questionId: question.id, questionText: question.questionText, reason, sentence, estimatedMs: 26_000, carriedOver: i === 1, ...(reason === "selected" && { rank: i + 1 }) };
  });
  const chosen = considered.filter((entry) => entry.reason === "selected");
  return {
    selectedQuestions: questions().filter((question) => chosen.some((entry) => entry.questionId === question.id)).map(({ id, questionText, priority, maxResponseTime, followUpPrompts }) => ({ id, questionText, priority, maxResponseTime, followUpPrompts })),
    estimatedDuration: Math.min(timeBudget, chosen.length * 26),
    selectionCriteria: { algorithm: "by-frequency-1", considered, carryOver: considered.filter((entry) => entry.reason === "no_time").map((entry) => entry.questionId) },
  };
}

export function analytics(from, until, questionId) {
  const days = [];
  for (let at = Date.parse(from); at <= Date.parse(until); at += DAY) {
    const n = days.length;
    const calls = 34 + Math.round(16 * Math.sin(n / 2.3)) + ((n * 7) % 9);
    const answered = Math.round(calls * 0.78);
    days.push({
      date: new Date(at).toISOString().slice(0, 10), calls, answered, completed: Math.round(answered * 0.93), failed: calls - answered,
      ...(n % 11 !== 5 && { averageSentiment: 0.32 + 0.3 * Math.sin(n / 4) }), cost: calls * 0.058,
    });
  }
  const sum = (name) => days.reduce((all, day) => all + day[name], 0);
  const calls = sum("calls");
  const all = questions().slice(0, 4).map(({ id, questionText }, i) => ({
    questionId: id, questionText, asked: Math.round(calls / (i + 1.4)), answered: Math.round((calls / (i + 1.4)) * (0.95 - i * 0.12)), answerRate: 0.95 - i * 0.12,
    averageSentiment: 0.6 - i * 0.35, topics: [{ topic: "kö", count: 41 - i }, { topic: "personal", count: 33 - i }, { topic: "sortiment", count: 12 }].slice(i % 2),
  }));
  return {
    from, until,
    totals: { calls, answered: sum("answered"), completed: sum("completed"), failed: sum("failed"), completionRate: sum("completed") / calls, completionRateAnswered: sum("completed") / sum("answered"), averageDurationSeconds: 79.4, averageSentiment: 0.41, costTotal: sum("cost"), costAverage: 0.058 },
    days,
    endReasons: [["completed", 0.66], ["no_answer", 0.14], ["declined", 0.07], ["customer_hangup", 0.06], ["busy", 0.04], ["voicemail", 0.03]].map(([reason, part]) => ({ reason, count: Math.round(calls * part) })),
    questions: questionId ? all.filter((question) => question.questionId === questionId) : all,
  };
}

/** Stereo, 8 kHz, 16 bits: a tone on each side. */
export function wav(seconds = 40) {
  const frames = seconds * 8000;
  const bytes = Buffer.alloc(44 + frames * 4);
  bytes.write("RIFF", 0); bytes.writeUInt32LE(36 + frames * 4, 4); bytes.write("WAVEfmt ", 8);
  bytes.writeUInt32LE(16, 16); bytes.writeUInt16LE(1, 20); bytes.writeUInt16LE(2, 22); bytes.writeUInt32LE(8000, 24);
  bytes.writeUInt32LE(32000, 28); bytes.writeUInt16LE(4, 32); bytes.writeUInt16LE(16, 34); bytes.write("data", 36); bytes.writeUInt32LE(frames * 4, 40);
  for (let i = 0; i < frames; i += 1) {
    bytes.writeInt16LE(Math.round(3000 * Math.sin(i / 6)), 44 + i * 4);
    bytes.writeInt16LE(Math.round(3000 * Math.sin(i / 9)), 46 + i * 4);
  }
  return bytes;
}
