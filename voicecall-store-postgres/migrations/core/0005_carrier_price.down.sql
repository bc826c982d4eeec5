REVOKE SELECT (id, tenant_id, state, outcome, price_micros, created_at) ON voicecall.attempts FROM voicecall_queue;
DROP POLICY queue ON voicecall.attempts;
DROP INDEX voicecall.attempts_unpriced;
ALTER TABLE voicecall.sessions DROP COLUMN carrier_price_currency, DROP COLUMN carrier_price_micros;
ALTER TABLE voicecall.attempts DROP COLUMN price_currency, DROP COLUMN price_micros;
