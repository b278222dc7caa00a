-- The logins of a user that were ended, the last one first: what its owner is told, whatever their number. No column of it
-- changes while a login lives, so rotations and uses need not write it.
CREATE INDEX sessions_ended ON sessions (user_id, revoked_rv DESC, id) WHERE revoked_rv IS NOT NULL;
