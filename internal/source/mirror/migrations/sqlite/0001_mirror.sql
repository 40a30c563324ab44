CREATE TABLE mirror_schema (version INTEGER PRIMARY KEY);

-- pass is the id of the newest pass of the account: what is kept is marked with it.
CREATE TABLE account (
	number INTEGER PRIMARY KEY AUTOINCREMENT,
	account TEXT NOT NULL,
	livemode INTEGER NOT NULL,
	pass INTEGER NOT NULL DEFAULT 0,
	UNIQUE (account, livemode)
);

-- Numbers of accounts that were dropped, and may have objects left.
CREATE TABLE dropped (number INTEGER PRIMARY KEY);

-- The metadata keys that objects were read with, as JSON.
CREATE TABLE keyset (number INTEGER PRIMARY KEY AUTOINCREMENT, keys TEXT NOT NULL UNIQUE);

CREATE TABLE part (
	account INTEGER NOT NULL,
	type INTEGER NOT NULL,
	objects INTEGER NOT NULL DEFAULT 0,
	full_at INTEGER NOT NULL DEFAULT 0,
	followed INTEGER NOT NULL DEFAULT 0,
	keyset INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (account, type)
) WITHOUT ROWID;

CREATE TABLE pass (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	account INTEGER NOT NULL,
	type INTEGER NOT NULL,
	keyset INTEGER NOT NULL,
	started INTEGER NOT NULL,
	ended INTEGER NOT NULL DEFAULT 0,
	pages INTEGER NOT NULL DEFAULT 0,
	objects INTEGER NOT NULL DEFAULT 0,
	staged INTEGER NOT NULL DEFAULT 0,
	UNIQUE (account, type)
);

CREATE TABLE pass_window (
	pass INTEGER NOT NULL,
	id INTEGER NOT NULL,
	from_at INTEGER NOT NULL,
	to_at INTEGER NOT NULL,
	after_id TEXT NOT NULL,
	after_created INTEGER NOT NULL,
	done INTEGER NOT NULL,
	PRIMARY KEY (pass, id)
) WITHOUT ROWID;

-- Clustered by family. place is the account's number and the family's slot. tail is
-- made of the id, and shorter: each index ends in the key of the table. On a customer,
-- whose id is its family, there is no id and the tail is 0. state is 1 for present, 2
-- for deleted, 3 for missing; seen is the newest pass when the object was kept.
CREATE TABLE object (
	place INTEGER NOT NULL,
	family TEXT NOT NULL,
	type INTEGER NOT NULL,
	tail INTEGER NOT NULL,
	id TEXT,
	state INTEGER NOT NULL,
	seen INTEGER NOT NULL,
	as_of INTEGER NOT NULL,
	created INTEGER NOT NULL,
	keyset INTEGER NOT NULL,
	email TEXT,
	subscription TEXT,
	payment_intent TEXT,
	company_stamp TEXT,
	user_stamp TEXT,
	status TEXT,
	payment_status TEXT,
	rest BLOB,
	PRIMARY KEY (place, family, type, tail)
) WITHOUT ROWID;

-- What a first pass over a long list has read: written in the order of its arrival,
-- and sorted into object at the end.
CREATE TABLE staged (
	place INTEGER NOT NULL,
	tail INTEGER NOT NULL,
	seen INTEGER NOT NULL,
	as_of INTEGER NOT NULL,
	family TEXT NOT NULL,
	type INTEGER NOT NULL,
	id TEXT,
	state INTEGER NOT NULL,
	created INTEGER NOT NULL,
	keyset INTEGER NOT NULL,
	email TEXT,
	subscription TEXT,
	payment_intent TEXT,
	company_stamp TEXT,
	user_stamp TEXT,
	status TEXT,
	payment_status TEXT,
	rest BLOB
);

CREATE INDEX object_tail ON object (tail) WHERE tail <> 0;
CREATE INDEX object_created ON object (type, created DESC, place DESC, family DESC, tail DESC) WHERE state = 1;
CREATE INDEX object_email ON object (email) WHERE email IS NOT NULL;
CREATE INDEX object_subscription ON object (subscription) WHERE subscription IS NOT NULL;
CREATE INDEX object_payment_intent ON object (payment_intent) WHERE payment_intent IS NOT NULL;
CREATE INDEX object_company ON object (company_stamp) WHERE company_stamp IS NOT NULL;
CREATE INDEX object_user ON object (user_stamp) WHERE user_stamp IS NOT NULL;
