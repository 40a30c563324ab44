-- What is about to be made in Stripe, kept before Stripe is asked: customers of companies,
-- and checkout sessions. A customer's have no user and no wish.
CREATE TABLE rightful_intents (
	kind       text NOT NULL,
	account    text NOT NULL,
	livemode   boolean NOT NULL,
	company_id text NOT NULL,
	user_id    text NOT NULL,
	wish       text NOT NULL,
	generation bigint NOT NULL,
	name       text NOT NULL,
	email      text NOT NULL,
	at         bigint NOT NULL, -- promised, or first sent
	sent_at    bigint NOT NULL, -- last sent; 0: never
	object_id  text NOT NULL, -- empty: none is known
	PRIMARY KEY (kind, account, livemode, company_id, user_id, wish)
);

-- Validation asks for whom a session was made.
CREATE INDEX rightful_intents_object ON rightful_intents (object_id);

-- Those of sessions are forgotten in time.
CREATE INDEX rightful_intents_at ON rightful_intents (at) WHERE kind = 'checkout';
