-- How many objects of the list a pass under way has not seen yet; -1: nobody counted.
ALTER TABLE pass ADD COLUMN unseen INTEGER NOT NULL DEFAULT -1;
