CREATE SCHEMA IF NOT EXISTS rightful_mirror;

CREATE TABLE rightful_mirror.mirror_schema (version int PRIMARY KEY);

-- pass is the id of the newest pass of the account: what is kept is marked with it.
CREATE TABLE rightful_mirror.account (
	number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	account text COLLATE "C" NOT NULL,
	livemode smallint NOT NULL,
	pass bigint NOT NULL DEFAULT 0,
	UNIQUE (account, livemode)
);

-- Numbers of accounts that were dropped, and may have objects left.
CREATE TABLE rightful_mirror.dropped (number bigint PRIMARY KEY);

-- The metadata keys that objects were read with, as JSON.
CREATE TABLE rightful_mirror.keyset (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, keys text COLLATE "C" NOT NULL UNIQUE);

CREATE TABLE rightful_mirror.part (
	account bigint NOT NULL,
	type smallint NOT NULL,
	objects bigint NOT NULL DEFAULT 0,
	full_at bigint NOT NULL DEFAULT 0,
	followed bigint NOT NULL DEFAULT 0,
	keyset bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (account, type)
);

CREATE TABLE rightful_mirror.pass (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	account bigint NOT NULL,
	type smallint NOT NULL,
	keyset bigint NOT NULL,
	started bigint NOT NULL,
	ended bigint NOT NULL DEFAULT 0,
	pages bigint NOT NULL DEFAULT 0,
	objects bigint NOT NULL DEFAULT 0,
	UNIQUE (account, type)
);

CREATE TABLE rightful_mirror.pass_window (
	pass bigint NOT NULL,
	id bigint NOT NULL,
	from_at bigint NOT NULL,
	to_at bigint NOT NULL,
	after_id text COLLATE "C" NOT NULL,
	after_created bigint NOT NULL,
	done smallint NOT NULL,
	PRIMARY KEY (pass, id)
);

-- place is the account's number and the family's slot. tail is made of the id, and
-- shorter: each index has it. On a customer, whose id is its family, there is no id
-- and the tail is 0. state is 1 for present, 2 for deleted, 3 for missing; seen is the
-- newest pass when the object was kept. Room is left in each page, so that what was
-- only seen again is written where it stands.
CREATE TABLE rightful_mirror.object (
	place bigint NOT NULL,
	family text COLLATE "C" NOT NULL,
	type smallint NOT NULL,
	tail bigint NOT NULL,
	id text COLLATE "C",
	state smallint NOT NULL,
	seen bigint NOT NULL,
	as_of bigint NOT NULL,
	created bigint NOT NULL,
	keyset bigint NOT NULL,
	email text COLLATE "C",
	subscription text COLLATE "C",
	payment_intent text COLLATE "C",
	company_stamp text COLLATE "C",
	user_stamp text COLLATE "C",
	status text COLLATE "C",
	payment_status text COLLATE "C",
	rest bytea,
	PRIMARY KEY (place, family, type, tail)
) WITH (fillfactor = 90);

CREATE INDEX object_tail ON rightful_mirror.object (tail) WHERE tail <> 0;
CREATE INDEX object_created ON rightful_mirror.object (type, created, place, family, tail) WHERE state = 1;
CREATE INDEX object_email ON rightful_mirror.object (email) WHERE email IS NOT NULL;
CREATE INDEX object_subscription ON rightful_mirror.object (subscription) WHERE subscription IS NOT NULL;
CREATE INDEX object_payment_intent ON rightful_mirror.object (payment_intent) WHERE payment_intent IS NOT NULL;
CREATE INDEX object_company ON rightful_mirror.object (company_stamp) WHERE company_stamp IS NOT NULL;
CREATE INDEX object_user ON rightful_mirror.object (user_stamp) WHERE user_stamp IS NOT NULL;
