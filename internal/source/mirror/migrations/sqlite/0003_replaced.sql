-- Of which time all events were taken in, with which identity keys.
CREATE TABLE followed (
	account INTEGER NOT NULL,
	keyset INTEGER NOT NULL,
	since INTEGER NOT NULL,
	until INTEGER NOT NULL,
	PRIMARY KEY (account, keyset)
) WITHOUT ROWID;

-- What identity metadata stood on an object before an event, as JSON.
CREATE TABLE replaced (
	account INTEGER NOT NULL,
	keyset INTEGER NOT NULL,
	created INTEGER NOT NULL,
	event TEXT NOT NULL,
	kind TEXT NOT NULL,
	type INTEGER NOT NULL,
	object TEXT NOT NULL,
	previous TEXT NOT NULL,
	PRIMARY KEY (account, keyset, created, event)
) WITHOUT ROWID;
