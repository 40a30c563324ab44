-- What is about to be made in Stripe, kept before Stripe is asked.
CREATE TABLE rightful_customer_intents (
	account     text NOT NULL,
	livemode    boolean NOT NULL,
	company_id  text NOT NULL,
	generation  bigint NOT NULL,
	name        text NOT NULL,
	email       text NOT NULL,
	at          bigint NOT NULL,
	customer_id text NOT NULL, -- empty: none is known
	PRIMARY KEY (account, livemode, company_id)
);

CREATE TABLE rightful_checkout_intents (
	account    text NOT NULL,
	livemode   boolean NOT NULL,
	company_id text NOT NULL,
	user_id    text NOT NULL,
	wish       text NOT NULL,
	generation bigint NOT NULL,
	at         bigint NOT NULL,
	session_id text NOT NULL, -- empty: none is known
	PRIMARY KEY (account, livemode, company_id, user_id, wish)
);

-- Validation asks for whom a session was made.
CREATE INDEX rightful_checkout_intents_session ON rightful_checkout_intents (session_id);
