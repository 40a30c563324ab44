CREATE TABLE rightful_alerts (
	key      TEXT PRIMARY KEY,
	kind     TEXT NOT NULL,
	severity TEXT NOT NULL,
	rank     INTEGER NOT NULL, -- of the severity: 3 error, 2 warning, 1 info
	title    TEXT NOT NULL,
	message  TEXT NOT NULL,
	label    TEXT NOT NULL,
	ids      TEXT NOT NULL,
	codes    TEXT NOT NULL,
	at       INTEGER NOT NULL,
	seen     INTEGER NOT NULL,
	resolved INTEGER NOT NULL, -- 0: it is open
	times    INTEGER NOT NULL, -- how often it happened, ever
	before   INTEGER NOT NULL, -- how often it had happened when it was opened
	quiet    INTEGER NOT NULL
) STRICT;

CREATE INDEX rightful_alerts_open ON rightful_alerts (kind, key) WHERE resolved = 0;
CREATE INDEX rightful_alerts_resolved ON rightful_alerts (resolved) WHERE resolved > 0;

CREATE TABLE rightful_alert_channels (
	name       TEXT PRIMARY KEY,
	since      INTEGER NOT NULL,
	next_at    INTEGER NOT NULL, -- when the next message may be made
	pending    TEXT NOT NULL,    -- the message that waits to be sent; empty: none does
	token      TEXT NOT NULL,    -- of who sends it
	until      INTEGER NOT NULL, -- when that claim is over
	not_before INTEGER NOT NULL,
	failures   INTEGER NOT NULL,
	error      TEXT NOT NULL,
	tried_at   INTEGER NOT NULL,
	sent_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE rightful_alert_messages (
	id      TEXT PRIMARY KEY,
	channel TEXT NOT NULL,
	made_at INTEGER NOT NULL,
	sent_at INTEGER NOT NULL, -- 0: not yet
	body    TEXT NOT NULL
) STRICT;

-- What a channel was told of an alert last.
CREATE TABLE rightful_alert_told (
	channel  TEXT NOT NULL,
	key      TEXT NOT NULL,
	message  TEXT NOT NULL,
	incident TEXT NOT NULL,    -- the message in which it was told first since it was opened
	said     TEXT NOT NULL,
	over     INTEGER NOT NULL, -- 1: that it was resolved
	at       INTEGER NOT NULL,
	times    INTEGER NOT NULL, -- how often it had happened then
	more     INTEGER NOT NULL, -- how often since the time before
	PRIMARY KEY (channel, key)
) STRICT;

CREATE INDEX rightful_alert_told_message ON rightful_alert_told (message);
CREATE INDEX rightful_alert_told_incident ON rightful_alert_told (incident) WHERE over = 0;
CREATE INDEX rightful_alert_told_key ON rightful_alert_told (key);
