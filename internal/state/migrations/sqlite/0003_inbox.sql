CREATE TABLE rightful_webhook_events (
	seq             INTEGER PRIMARY KEY,
	account         TEXT NOT NULL,
	livemode        INTEGER NOT NULL,
	id              TEXT NOT NULL,
	type            TEXT NOT NULL,
	created         INTEGER NOT NULL,
	origin          TEXT NOT NULL,
	object_type     TEXT NOT NULL,
	object_id       TEXT NOT NULL,
	family          TEXT NOT NULL,
	shard           INTEGER NOT NULL,
	payload         TEXT NOT NULL,
	received_at     INTEGER NOT NULL,
	status          TEXT NOT NULL,
	attempts        INTEGER NOT NULL DEFAULT 0,
	next_at         INTEGER NOT NULL,
	company_id      TEXT NOT NULL DEFAULT '',
	codes           TEXT NOT NULL DEFAULT '',
	superseded      INTEGER NOT NULL DEFAULT 0,
	judged_at       INTEGER NOT NULL DEFAULT 0,
	notice          TEXT NOT NULL DEFAULT '',
	notice_attempts INTEGER NOT NULL DEFAULT 0,
	notice_since    INTEGER NOT NULL DEFAULT 0,
	notice_next_at  INTEGER NOT NULL DEFAULT 0,
	told_at         INTEGER NOT NULL DEFAULT 0,
	UNIQUE (livemode, id) -- an id of Stripe's is unique among all accounts
) STRICT;

CREATE INDEX rightful_webhook_events_open ON rightful_webhook_events (shard, family, created) WHERE status IN ('pending', 'unknown');
CREATE INDEX rightful_webhook_events_told ON rightful_webhook_events (shard, family, created) WHERE notice = 'waiting';
-- What is due is looked for every few seconds, in all shards.
CREATE INDEX rightful_webhook_events_due ON rightful_webhook_events (next_at, shard) WHERE status IN ('pending', 'unknown');
CREATE INDEX rightful_webhook_events_tellable ON rightful_webhook_events (notice_next_at, shard) WHERE notice = 'waiting';
CREATE INDEX rightful_webhook_events_received ON rightful_webhook_events (received_at);
CREATE INDEX rightful_webhook_events_dead ON rightful_webhook_events (shard, family, created) WHERE status = 'dead';
CREATE INDEX rightful_webhook_events_untold ON rightful_webhook_events (seq) WHERE notice = 'dead';

-- The newest that events told of each object.
CREATE TABLE rightful_webhook_objects (
	livemode INTEGER NOT NULL,
	type     TEXT NOT NULL,
	id       TEXT NOT NULL,
	family   TEXT NOT NULL,
	created  INTEGER NOT NULL,
	event_id TEXT NOT NULL,
	snapshot TEXT NOT NULL,
	seen_at  INTEGER NOT NULL,
	PRIMARY KEY (livemode, type, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX rightful_webhook_objects_family ON rightful_webhook_objects (livemode, family, created);
CREATE INDEX rightful_webhook_objects_id ON rightful_webhook_objects (livemode, id);
CREATE INDEX rightful_webhook_objects_seen ON rightful_webhook_objects (seen_at);

-- Who works on which shard. A job is queued for a generation once; who takes the
-- shard begins the next one before it looks, so that what is accepted after it has
-- looked gets a job of its own.
CREATE TABLE rightful_webhook_shards (
	lane       TEXT NOT NULL,
	shard      INTEGER NOT NULL,
	generation INTEGER NOT NULL,
	queued     INTEGER NOT NULL, -- the generation that a job was queued for last
	queued_at  INTEGER NOT NULL,
	worker     TEXT NOT NULL,    -- who holds it; empty: nobody
	until      INTEGER NOT NULL,
	PRIMARY KEY (lane, shard)
) STRICT, WITHOUT ROWID;

WITH RECURSIVE shards (shard) AS (SELECT 0 UNION ALL SELECT shard + 1 FROM shards WHERE shard < 15)
INSERT INTO rightful_webhook_shards
SELECT lane, shard, 1, 0, 0, '', 0 FROM shards, (SELECT 'judge' AS lane UNION ALL SELECT 'tell') AS lanes WHERE true;

-- How far something that goes on for ever has come.
CREATE TABLE rightful_marks (
	name TEXT PRIMARY KEY,
	at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
