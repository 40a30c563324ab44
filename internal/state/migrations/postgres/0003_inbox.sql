CREATE TABLE rightful_webhook_events (
	seq             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	account         text NOT NULL,
	livemode        boolean NOT NULL,
	id              text NOT NULL,
	type            text NOT NULL,
	created         bigint NOT NULL,
	origin          text NOT NULL,
	object_type     text NOT NULL,
	object_id       text NOT NULL,
	family          text NOT NULL,
	shard           bigint NOT NULL,
	payload         text NOT NULL,
	received_at     bigint NOT NULL,
	status          text NOT NULL,
	attempts        bigint NOT NULL DEFAULT 0,
	next_at         bigint NOT NULL,
	company_id      text NOT NULL DEFAULT '',
	codes           text NOT NULL DEFAULT '',
	superseded      boolean NOT NULL DEFAULT false,
	judged_at       bigint NOT NULL DEFAULT 0,
	notice          text NOT NULL DEFAULT '',
	notice_attempts bigint NOT NULL DEFAULT 0,
	notice_since    bigint NOT NULL DEFAULT 0,
	notice_next_at  bigint NOT NULL DEFAULT 0,
	told_at         bigint NOT NULL DEFAULT 0,
	UNIQUE (livemode, id) -- an id of Stripe's is unique among all accounts
);

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
	livemode boolean NOT NULL,
	type     text NOT NULL,
	id       text NOT NULL,
	family   text NOT NULL,
	created  bigint NOT NULL,
	event_id text NOT NULL,
	snapshot text NOT NULL,
	seen_at  bigint NOT NULL,
	PRIMARY KEY (livemode, type, id)
);

CREATE INDEX rightful_webhook_objects_family ON rightful_webhook_objects (livemode, family, created);
CREATE INDEX rightful_webhook_objects_id ON rightful_webhook_objects (livemode, id);
CREATE INDEX rightful_webhook_objects_seen ON rightful_webhook_objects (seen_at);

-- Who works on which shard. A job is queued for a generation once; who takes the
-- shard begins the next one before it looks, so that what is accepted after it has
-- looked gets a job of its own.
CREATE TABLE rightful_webhook_shards (
	lane       text NOT NULL,
	shard      bigint NOT NULL,
	generation bigint NOT NULL,
	queued     bigint NOT NULL, -- the generation that a job was queued for last
	queued_at  bigint NOT NULL,
	worker     text NOT NULL,    -- who holds it; empty: nobody
	until      bigint NOT NULL,
	PRIMARY KEY (lane, shard)
);

INSERT INTO rightful_webhook_shards
SELECT lane, shard, 1, 0, 0, '', 0 FROM generate_series(0, 15) AS shard, unnest(ARRAY['judge', 'tell']) AS lane;

-- How far something that goes on for ever has come.
CREATE TABLE rightful_marks (
	name text PRIMARY KEY,
	at   bigint NOT NULL
);
