//! Servers that can change what they like, and tell nobody.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use engines::Postgres;

use super::until;

/// Keeps those whose feed is in this database from telling each other anything, while they may
/// still listen; until dropped.
pub(crate) struct Silence(Child);

impl Silence {
    pub(crate) fn begin(postgres: &Postgres) -> Self {
        let mut command = Command::new(engines::known::find("psql").unwrap());
        command.args(["-X", "-q", "-d", postgres.url()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let lock = b"BEGIN; LOCK TABLE feed_head IN EXCLUSIVE MODE;\n";
        child.stdin.as_mut().unwrap().write_all(lock).unwrap();
        until("nobody can tell anything", Duration::from_secs(30), || {
            let held = postgres.sql(
                "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                 JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
                 WHERE c.relname = 'feed_head' AND l.mode = 'ExclusiveLock' AND l.granted",
            );
            held.unwrap().contains('1').then_some(())
        });
        Self(child)
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
