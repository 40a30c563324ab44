CREATE TABLE rightful_alerts (
	key      text PRIMARY KEY,
	kind     text NOT NULL,
	severity text NOT NULL,
	rank     bigint NOT NULL, -- of the severity: 3 error, 2 warning, 1 info
	title    text NOT NULL,
	message  text NOT NULL,
	label    text NOT NULL,
	ids      text NOT NULL,
	codes    text NOT NULL,
	at       bigint NOT NULL,
	seen     bigint NOT NULL,
	resolved bigint NOT NULL, -- 0: it is open
	times    bigint NOT NULL, -- how often it happened, ever
	before   bigint NOT NULL, -- how often it had happened when it was opened
	quiet    bigint NOT NULL
);

CREATE INDEX rightful_alerts_open ON rightful_alerts (kind, key) WHERE resolved = 0;
CREATE INDEX rightful_alerts_resolved ON rightful_alerts (resolved) WHERE resolved > 0;

CREATE TABLE rightful_alert_channels (
	name       text PRIMARY KEY,
	since      bigint NOT NULL,
	next_at    bigint NOT NULL, -- when the next message may be made
	pending    text NOT NULL,    -- the message that waits to be sent; empty: none does
	token      text NOT NULL,    -- of who sends it
	until      bigint NOT NULL, -- when that claim is over
	not_before bigint NOT NULL,
	failures   bigint NOT NULL,
	error      text NOT NULL,
	tried_at   bigint NOT NULL,
	sent_at    bigint NOT NULL
);

CREATE TABLE rightful_alert_messages (
	id      text PRIMARY KEY,
	channel text NOT NULL,
	made_at bigint NOT NULL,
	sent_at bigint NOT NULL, -- 0: not yet
	body    text NOT NULL
);

-- What a channel was told of an alert last.
CREATE TABLE rightful_alert_told (
	channel  text NOT NULL,
	key      text NOT NULL,
	message  text NOT NULL,
	incident text NOT NULL,    -- the message in which it was told first since it was opened
	said     text NOT NULL,
	over     bigint NOT NULL, -- 1: that it was resolved
	at       bigint NOT NULL,
	times    bigint NOT NULL, -- how often it had happened then
	more     bigint NOT NULL, -- how often since the time before
	PRIMARY KEY (channel, key)
);

CREATE INDEX rightful_alert_told_message ON rightful_alert_told (message);
CREATE INDEX rightful_alert_told_incident ON rightful_alert_told (incident) WHERE over = 0;
CREATE INDEX rightful_alert_told_key ON rightful_alert_told (key);
