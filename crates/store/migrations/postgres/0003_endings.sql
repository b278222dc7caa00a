-- When and why a login ended: what its owner is told. Rows that ended before this migration do not know when.
ALTER TABLE sessions ADD COLUMN revoked_at BIGINT;               -- milliseconds since 1970
ALTER TABLE users ADD COLUMN logins_ended_at BIGINT;             -- when min_rv was raised last
ALTER TABLE users ADD COLUMN logins_ended_reason TEXT;
