-- Of which time all events were taken in, with which identity keys.
CREATE TABLE rightful_mirror.followed (
	account bigint NOT NULL,
	keyset bigint NOT NULL,
	since bigint NOT NULL,
	until bigint NOT NULL,
	PRIMARY KEY (account, keyset)
);

-- What identity metadata stood on an object before an event, as JSON.
CREATE TABLE rightful_mirror.replaced (
	account bigint NOT NULL,
	keyset bigint NOT NULL,
	created bigint NOT NULL,
	event text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL,
	type smallint NOT NULL,
	object text COLLATE "C" NOT NULL,
	previous text COLLATE "C" NOT NULL,
	PRIMARY KEY (account, keyset, created, event)
);
