-- The region of an adopted bucket is the name of its R2 binding. A binding is one bucket's.
CREATE UNIQUE INDEX adopted_buckets ON buckets (region) WHERE region >= 'ADOPT_' AND region < 'ADOPT`';
