-- What is about to be made in Stripe, kept before Stripe is asked.
CREATE TABLE rightful_customer_intents (
	account     TEXT NOT NULL,
	livemode    INTEGER NOT NULL,
	company_id  TEXT NOT NULL,
	generation  INTEGER NOT NULL,
	name        TEXT NOT NULL,
	email       TEXT NOT NULL,
	at          INTEGER NOT NULL,
	customer_id TEXT NOT NULL, -- empty: none is known
	PRIMARY KEY (account, livemode, company_id)
) STRICT;

CREATE TABLE rightful_checkout_intents (
	account    TEXT NOT NULL,
	livemode   INTEGER NOT NULL,
	company_id TEXT NOT NULL,
	user_id    TEXT NOT NULL,
	wish       TEXT NOT NULL,
	generation INTEGER NOT NULL,
	at         INTEGER NOT NULL,
	session_id TEXT NOT NULL, -- empty: none is known
	PRIMARY KEY (account, livemode, company_id, user_id, wish)
) STRICT;

-- Validation asks for whom a session was made.
CREATE INDEX rightful_checkout_intents_session ON rightful_checkout_intents (session_id);
