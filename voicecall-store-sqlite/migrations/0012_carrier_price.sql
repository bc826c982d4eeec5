-- Version 12: what carriers charge for calls.

ALTER TABLE attempts ADD COLUMN price_micros INTEGER CHECK (price_micros >= 0);
ALTER TABLE attempts ADD COLUMN price_currency TEXT CHECK (length(price_currency) > 0);
ALTER TABLE sessions ADD COLUMN carrier_price_micros INTEGER CHECK (carrier_price_micros >= 0);
ALTER TABLE sessions ADD COLUMN carrier_price_currency TEXT CHECK (length(carrier_price_currency) > 0);
CREATE INDEX attempts_unpriced ON attempts (created_at, id)
    WHERE state = 'accepted' AND price_micros IS NULL;
