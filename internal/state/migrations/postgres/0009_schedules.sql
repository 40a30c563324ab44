-- What runs when. The run under way is the one that was due at due_at.
CREATE TABLE rightful_schedules (
	task       text NOT NULL,
	account    text NOT NULL,
	livemode   boolean NOT NULL,
	rule       text NOT NULL,
	queue      text NOT NULL,
	due_at     bigint NOT NULL,
	retry_at   bigint NOT NULL DEFAULT 0, -- not before, after a failure
	retired    boolean NOT NULL DEFAULT false, -- no config names it any more
	refused    text NOT NULL DEFAULT '',
	usual_gets bigint NOT NULL DEFAULT 0,
	taken      bigint NOT NULL DEFAULT 0, -- how often, ever
	started_at bigint NOT NULL DEFAULT 0, -- of the run under way; 0: it was not begun
	tries      bigint NOT NULL DEFAULT 0, -- since the run came any further
	slices     bigint NOT NULL DEFAULT 0,
	gets       bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (task, account, livemode)
);

CREATE TABLE rightful_schedule_runs (
	task       text NOT NULL,
	account    text NOT NULL,
	livemode   boolean NOT NULL,
	due_at     bigint NOT NULL,
	started_at bigint NOT NULL,
	ended_at   bigint NOT NULL,
	outcome    text NOT NULL,
	detail     text NOT NULL,
	audit_id   text NOT NULL,
	gets       bigint NOT NULL,
	slices     bigint NOT NULL,
	holder     text NOT NULL,
	PRIMARY KEY (task, account, livemode, due_at)
);

CREATE INDEX rightful_schedule_runs_ended ON rightful_schedule_runs (ended_at);

-- Who asks Stripe about an account in the background.
CREATE TABLE rightful_account_leases (
	account  text NOT NULL,
	livemode boolean NOT NULL,
	token    text NOT NULL,
	task     text NOT NULL,
	holder   text NOT NULL,
	process  text NOT NULL,
	since    bigint NOT NULL,
	until    bigint NOT NULL,
	PRIMARY KEY (account, livemode)
);

-- Who else asks Stripe about an account.
CREATE TABLE rightful_nodes (
	account  text NOT NULL,
	livemode boolean NOT NULL,
	node     text NOT NULL,
	process  text NOT NULL,
	until    bigint NOT NULL,
	divides  bigint NOT NULL, -- by how many it divides the account's pace
	PRIMARY KEY (account, livemode, node)
);
