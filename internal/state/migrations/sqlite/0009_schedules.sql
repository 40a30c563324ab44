-- What runs when. The run under way is the one that was due at due_at.
CREATE TABLE rightful_schedules (
	task       TEXT NOT NULL,
	account    TEXT NOT NULL,
	livemode   INTEGER NOT NULL,
	rule       TEXT NOT NULL,
	queue      TEXT NOT NULL,
	due_at     INTEGER NOT NULL,
	retry_at   INTEGER NOT NULL DEFAULT 0, -- not before, after a failure
	retired    INTEGER NOT NULL DEFAULT 0, -- no config names it any more
	refused    TEXT NOT NULL DEFAULT '',
	usual_gets INTEGER NOT NULL DEFAULT 0,
	taken      INTEGER NOT NULL DEFAULT 0, -- how often, ever
	started_at INTEGER NOT NULL DEFAULT 0, -- of the run under way; 0: it was not begun
	tries      INTEGER NOT NULL DEFAULT 0, -- since the run came any further
	slices     INTEGER NOT NULL DEFAULT 0,
	gets       INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (task, account, livemode)
) STRICT;

CREATE TABLE rightful_schedule_runs (
	task       TEXT NOT NULL,
	account    TEXT NOT NULL,
	livemode   INTEGER NOT NULL,
	due_at     INTEGER NOT NULL,
	started_at INTEGER NOT NULL,
	ended_at   INTEGER NOT NULL,
	outcome    TEXT NOT NULL,
	detail     TEXT NOT NULL,
	audit_id   TEXT NOT NULL,
	gets       INTEGER NOT NULL,
	slices     INTEGER NOT NULL,
	holder     TEXT NOT NULL,
	PRIMARY KEY (task, account, livemode, due_at)
) STRICT;

CREATE INDEX rightful_schedule_runs_ended ON rightful_schedule_runs (ended_at);

-- Who asks Stripe about an account in the background.
CREATE TABLE rightful_account_leases (
	account  TEXT NOT NULL,
	livemode INTEGER NOT NULL,
	token    TEXT NOT NULL,
	task     TEXT NOT NULL,
	holder   TEXT NOT NULL,
	process  TEXT NOT NULL,
	since    INTEGER NOT NULL,
	until    INTEGER NOT NULL,
	PRIMARY KEY (account, livemode)
) STRICT;

-- Who else asks Stripe about an account.
CREATE TABLE rightful_nodes (
	account  TEXT NOT NULL,
	livemode INTEGER NOT NULL,
	node     TEXT NOT NULL,
	process  TEXT NOT NULL,
	until    INTEGER NOT NULL,
	divides  INTEGER NOT NULL, -- by how many it divides the account's pace
	PRIMARY KEY (account, livemode, node)
) STRICT;
