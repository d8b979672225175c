//! What is more than one command, as one script on one key each.

use std::sync::LazyLock;

use ::redis::Script;

/// Writes if the key holds what was expected, or begins with it. A life of `-1` has
/// no end. Of what only has to begin so, no more is looked at.
pub(super) static SET_IF: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local key, expected, value, life = KEYS[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if ARGV[1] == 'begins' then
  if redis.call('GETRANGE', key, 0, #expected - 1) ~= expected and #expected > 0 then return 0 end
  if #expected == 0 and redis.call('EXISTS', key) == 0 then return 0 end
elseif redis.call('GET', key) ~= expected then return 0 end
if life == 0 then redis.call('UNLINK', key)
elseif life < 0 then redis.call('SET', key, value)
else redis.call('SET', key, value, 'PX', ARGV[4]) end
return 1",
    )
});

/// Counts, and gives a life to what was not there before.
pub(super) static INCREMENT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local key, life = KEYS[1], tonumber(ARGV[2])
local new = redis.call('EXISTS', key) == 0
local sum = redis.call('INCRBY', key, ARGV[1])
if new and life == 0 then redis.call('UNLINK', key)
elseif new and life > 0 then redis.call('PEXPIRE', key, ARGV[2]) end
return tostring(redis.call('EXISTS', key) == 1 and redis.call('GET', key) or sum)",
    )
});

/// A lease is a hash of its fence and its end, by the server's clock. It outlives
/// its end for a while, so that the next fence is greater even if the clock is
/// set back.
pub(super) static LEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local key, life, kept = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local fence, ends = unpack(redis.call('HMGET', key, 'fence', 'ends'))
if ends and tonumber(ends) > now then return 0 end
local next = now * 1000 + tonumber(time[2]) % 1000
if fence and tonumber(fence) >= next then next = tonumber(fence) + 1 end
redis.call('HSET', key, 'fence', string.format('%.0f', next), 'ends', string.format('%.0f', now + life))
redis.call('PEXPIRE', key, life + kept)
return string.format('%.0f', next)",
    )
});

/// Ends a held lease at another time: a life of 0 gives it back.
pub(super) static HOLD: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local key, life, kept = KEYS[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local fence, ends = unpack(redis.call('HMGET', key, 'fence', 'ends'))
if fence ~= ARGV[1] or tonumber(ends) <= now then return 0 end
redis.call('HSET', key, 'ends', string.format('%.0f', now + life))
redis.call('PEXPIRE', key, life + kept)
return 1",
    )
});
