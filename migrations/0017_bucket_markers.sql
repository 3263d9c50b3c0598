-- Since when the marker of a bucket in R2 is to be compared with its row, milliseconds since 1970; NULL: it is known to be
-- right. 0 for buckets that are older than markers, and for those that the previous code creates.
ALTER TABLE buckets ADD COLUMN marker_due INTEGER DEFAULT 0;

CREATE INDEX buckets_marker_due ON buckets (marker_due) WHERE marker_due IS NOT NULL;
