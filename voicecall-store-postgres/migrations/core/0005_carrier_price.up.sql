-- What carriers charge for calls.
ALTER TABLE voicecall.attempts
    ADD COLUMN price_micros bigint CHECK (price_micros >= 0),
    ADD COLUMN price_currency text CHECK (price_currency <> '');
ALTER TABLE voicecall.sessions
    ADD COLUMN carrier_price_micros bigint CHECK (carrier_price_micros >= 0),
    ADD COLUMN carrier_price_currency text CHECK (carrier_price_currency <> '');
CREATE INDEX attempts_unpriced ON voicecall.attempts (created_at, id)
    WHERE state = 'accepted' AND price_micros IS NULL;

-- Who asks carriers for prices, of all tenants' calls.
CREATE POLICY queue ON voicecall.attempts FOR SELECT TO voicecall_queue USING (true);
GRANT SELECT (id, tenant_id, state, outcome, price_micros, created_at) ON voicecall.attempts TO voicecall_queue;
