-- Policies of buckets and topics go on meaning the users they meant when they were put, whoever comes to be called like
-- them. Those that are there are taken to mean the users that are called so now; what names nobody now stays nobody.

ALTER TABLE topics ADD COLUMN policy_users TEXT;

-- All text of a policy that is the ARN of a user, wherever it is: only principals are ever looked up.
CREATE TABLE policy_user_arns AS
  SELECT p.owner, p.kind, u.id, atoms.atom AS arn
  FROM (
    SELECT bucket_id AS owner, 'bucket' AS kind, body ->> '$' AS policy FROM bucket_documents WHERE kind = 'policy'
    UNION ALL
    SELECT arn, 'topic', policy FROM topics WHERE policy IS NOT NULL
  ) p
  JOIN json_tree(CASE WHEN json_valid(p.policy) THEN p.policy ELSE '{}' END) atoms
  JOIN users u
    ON u.account_id = substr(atoms.atom, 14, 12)
    -- What follows the last slash.
    AND u.name = replace(atoms.atom, rtrim(atoms.atom, replace(atoms.atom, '/', '')), '') COLLATE NOCASE
    AND atoms.atom = 'arn:aws:iam::' || u.account_id || ':user' || u.path || u.name
  WHERE atoms.type = 'text' AND atoms.atom LIKE 'arn:aws:iam::%:user/%'
  GROUP BY p.owner, p.kind, u.id;

INSERT INTO bucket_documents (bucket_id, kind, body, updated_at)
  SELECT owner, 'policyUsers', json_group_object(arn, id), 0 FROM policy_user_arns WHERE kind = 'bucket' GROUP BY owner;

UPDATE topics SET policy_users =
  (SELECT json_group_object(arn, id) FROM policy_user_arns WHERE kind = 'topic' AND owner = topics.arn)
  WHERE policy IS NOT NULL;

DROP TABLE policy_user_arns;
