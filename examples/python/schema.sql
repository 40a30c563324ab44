CREATE TABLE IF NOT EXISTS companies (
	id                 INTEGER PRIMARY KEY,
	name               TEXT NOT NULL,
	owner_id           INTEGER NOT NULL,
	stripe_customer_id TEXT UNIQUE, -- the link: rightful fills it
	closed_at          INTEGER
);
CREATE TABLE IF NOT EXISTS users (
	id         INTEGER PRIMARY KEY,
	email      TEXT NOT NULL UNIQUE COLLATE NOCASE,
	password   TEXT NOT NULL,
	company_id INTEGER REFERENCES companies (id) -- the one they work in now: what the resolver reads
);
-- Rows of people who left stay: only with them can a purchase be judged as of its time.
CREATE TABLE IF NOT EXISTS memberships (
	id         INTEGER PRIMARY KEY,
	user_id    INTEGER NOT NULL REFERENCES users (id),
	company_id INTEGER NOT NULL REFERENCES companies (id),
	joined_at  INTEGER NOT NULL,
	left_at    INTEGER
);
CREATE UNIQUE INDEX IF NOT EXISTS memberships_current ON memberships (user_id, company_id) WHERE left_at IS NULL;
CREATE INDEX IF NOT EXISTS memberships_user ON memberships (user_id);
CREATE INDEX IF NOT EXISTS memberships_company ON memberships (company_id);
CREATE TABLE IF NOT EXISTS invitations (
	token      TEXT PRIMARY KEY,
	company_id INTEGER NOT NULL REFERENCES companies (id),
	used_at    INTEGER
);
-- What the app knows of Stripe's subscriptions: written from rightful's notices, and from nothing else.
CREATE TABLE IF NOT EXISTS subscriptions (
	stripe_subscription_id TEXT PRIMARY KEY,
	stripe_customer_id     TEXT NOT NULL,
	company_id             INTEGER NOT NULL REFERENCES companies (id),
	status                 TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS subscriptions_company ON subscriptions (company_id);
CREATE INDEX IF NOT EXISTS subscriptions_customer ON subscriptions (stripe_customer_id);
