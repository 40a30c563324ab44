-- How many objects of the list a pass under way has not seen yet; -1: nobody counted.
ALTER TABLE rightful_mirror.pass ADD COLUMN unseen bigint NOT NULL DEFAULT -1;
