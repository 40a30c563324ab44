-- What is about to be made in Stripe, kept before Stripe is asked: customers of companies,
-- and checkout sessions. A customer's have no user and no wish.
CREATE TABLE rightful_intents (
	kind       TEXT NOT NULL,
	account    TEXT NOT NULL,
	livemode   INTEGER NOT NULL,
	company_id TEXT NOT NULL,
	user_id    TEXT NOT NULL,
	wish       TEXT NOT NULL,
	generation INTEGER NOT NULL,
	name       TEXT NOT NULL,
	email      TEXT NOT NULL,
	at         INTEGER NOT NULL, -- promised, or first sent
	sent_at    INTEGER NOT NULL, -- last sent; 0: never
	object_id  TEXT NOT NULL, -- empty: none is known
	PRIMARY KEY (kind, account, livemode, company_id, user_id, wish)
) STRICT;

-- Validation asks for whom a session was made.
CREATE INDEX rightful_intents_object ON rightful_intents (object_id);

-- Those of sessions are forgotten in time.
CREATE INDEX rightful_intents_at ON rightful_intents (at) WHERE kind = 'checkout';
