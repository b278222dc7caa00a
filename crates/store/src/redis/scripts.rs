//! What Redis is asked. Each script touches one key, so that a cluster knows where to run it, and none inserts where
//! a row vanished.
//!
//! A row is a hash: `row` (its bytes), `life` (which life of Redis wrote them) and `used` (the last use, which is moved
//! without touching the rest).

use std::sync::LazyLock;

use redis::Script;

/// The life of the Redis that runs a script: another one after a restart and after a failover. A replica is refused: what
/// it tells may be old.
macro_rules! in_its_life {
    ($script:literal) => {
        concat!(
            "local told = redis.call('INFO', 'replication') \
             if not string.find(told, 'role:master', 1, true) then \
             return redis.error_reply('READONLY this is not the primary') end \
             local life = string.match(told, 'master_replid:(%w+)') \
             if not life then return redis.error_reply('ERR INFO does not tell master_replid') end ",
            $script
        )
    };
}

/// Whether the others can be run; what it tells of its memory.
pub(super) const GREET: &str = in_its_life!("return redis.call('INFO', 'memory')");

/// Writes nothing, but says that it could: so Redis refuses it before it runs wherever it takes no writes, be it for want
/// of memory, of a disk or of replicas.
pub(super) static LOOK: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!("#!lua\n", in_its_life!("return redis.status_reply('OK')"))));

/// The life, and the row if there is one.
pub(super) static READ: LazyLock<Script> = LazyLock::new(|| {
    Script::new(in_its_life!(
        "local row = redis.call('HMGET', KEYS[1], 'row', 'life', 'used') \
         return {life, row[1], row[2], row[3]}"
    ))
});

/// Writes a new row for so many milliseconds. Sent again it is the same row.
pub(super) static INSERT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(in_its_life!(
        "local there = redis.call('HGET', KEYS[1], 'row') \
         if there then return there == ARGV[1] and 1 or 0 end \
         redis.call('HSET', KEYS[1], 'row', ARGV[1], 'life', life) \
         redis.call('PEXPIRE', KEYS[1], ARGV[2]) \
         return 1"
    ))
});

/// Writes a row where the old one is still there, in the life that it was read in.
pub(super) static REPLACE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(in_its_life!(
        "if life ~= ARGV[3] or redis.call('HGET', KEYS[1], 'row') ~= ARGV[1] then return 0 end \
         redis.call('HSET', KEYS[1], 'row', ARGV[2], 'life', life) \
         return 1"
    ))
});

/// Moves the last use forward, of a row that was live at that time. Its times begin at the 74th byte of the row; numbers
/// of Lua are exact up to 2^53.
pub(super) static TOUCH: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local there = redis.call('HMGET', KEYS[1], 'row', 'used') \
         if not there[1] then return 0 end \
         local last, idle, expires = struct.unpack('>i8i8i8', there[1], 74) \
         local used, at = math.max(last, tonumber(there[2] or 0)), tonumber(ARGV[1]) \
         if used < at and at < math.min(used + idle, expires) then redis.call('HSET', KEYS[1], 'used', ARGV[1]) end \
         return 1",
    )
});

pub(super) static DELETE: LazyLock<Script> =
    LazyLock::new(|| Script::new("return redis.call('DEL', KEYS[1])"));

/// Puts a member into an index that is gone when its last one is, and tells how many it has.
pub(super) static INDEX: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2]) \
         if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end \
         return redis.call('ZCARD', KEYS[1])",
    )
});

/// The members of an index up to a score, at most so many.
pub(super) static MEMBERS: LazyLock<Script> = LazyLock::new(|| {
    Script::new("return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])")
});

pub(super) static FORGET: LazyLock<Script> =
    LazyLock::new(|| Script::new("return redis.call('ZREM', KEYS[1], unpack(ARGV))"));
