-- An audit as it was recorded: a document, and what it is found by.
CREATE TABLE rightful_audits (
	seq      bigint PRIMARY KEY,
	id       text NOT NULL UNIQUE,
	account  text NOT NULL,
	livemode boolean NOT NULL,
	record   text NOT NULL
);

CREATE INDEX rightful_audits_account ON rightful_audits (account, livemode, seq);

-- A finding by its id, which is stable: its last life.
CREATE TABLE rightful_findings (
	id               text PRIMARY KEY,
	account          text NOT NULL,
	livemode         boolean NOT NULL,
	code             text NOT NULL,
	family           text NOT NULL,
	severity         text NOT NULL,
	company          text NOT NULL, -- canonical; empty: none
	rightful_company text NOT NULL,
	body             text NOT NULL,
	born             text NOT NULL,
	opened_at        bigint NOT NULL,
	opened_by        text NOT NULL,
	seen_at          bigint NOT NULL,
	resolved_at      bigint NOT NULL, -- 0: it is open
	resolved_by      text NOT NULL,
	resolved_because text NOT NULL
);

CREATE INDEX rightful_findings_open ON rightful_findings (id) WHERE resolved_at = 0;
CREATE INDEX rightful_findings_code ON rightful_findings (code, severity, id) WHERE resolved_at = 0;
CREATE INDEX rightful_findings_company ON rightful_findings (company, id) WHERE resolved_at = 0;
CREATE INDEX rightful_findings_rightful ON rightful_findings (rightful_company, id) WHERE resolved_at = 0;
CREATE INDEX rightful_findings_family ON rightful_findings (family) WHERE resolved_at = 0;
CREATE INDEX rightful_findings_born ON rightful_findings (born, id) WHERE resolved_at = 0;
CREATE INDEX rightful_findings_opened ON rightful_findings (opened_by, id);
CREATE INDEX rightful_findings_resolved ON rightful_findings (resolved_by, id) WHERE resolved_by <> '';
