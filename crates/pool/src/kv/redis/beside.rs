//! One key and another beside it, in one round trip.

use ::redis::{Cmd, Pipeline, RedisError, Value, cmd, pipe};
use bytes::Bytes;
use flow::Result;

use super::link::{Repeat, Wire};
use super::{RedisKv, bytes, each, held_as, write};
use crate::kv::{Beside, Entry, Kv};

impl RedisKv {
    /// `MGET` reads both at one moment. The life comes after, so that a value that
    /// dies in between is taken for dead. In a cluster the keys may lie on two nodes,
    /// which are asked at the same time.
    pub(super) async fn read_beside(&self, key: &[u8], beside: &[u8]) -> Result<Beside> {
        let (key, beside) = (self.value(key), self.value(beside));
        if self.link.is_cluster() {
            return self.read_apart(&key, &beside).await;
        }
        let line = &both(&key, &beside);
        self.link.ask(Repeat::Fine, |wire| held_by(line, wire)).await
    }

    async fn read_apart(&self, key: &Bytes, beside: &Bytes) -> Result<Beside> {
        let ask = |name, key: &Bytes| {
            let mut command = cmd(name);
            command.arg(key.as_ref());
            command
        };
        let commands = [ask("GET", key), ask("PTTL", key), ask("GET", beside)];
        let ask = |wire| async { exactly(each(wire, &commands).await?) };
        let [value, life, beside] = self.link.ask(Repeat::Fine, ask).await?;
        Ok((held_as(value, life), bytes(beside)))
    }

    /// One server does what is sent in order. Two nodes of a cluster do not, so there
    /// the second is asked when the first has answered.
    pub(super) async fn write_beside(
        &self,
        entry: Entry<'_>,
        beside: &[u8],
    ) -> Result<Option<Bytes>> {
        if self.link.is_cluster() {
            self.set(entry).await?;
            return self.get(beside).await;
        }
        let mut line = pipe();
        line.add_command(write(self.value(entry.key), &entry));
        line.cmd("GET").arg(self.value(beside).as_ref());
        let line = &line;
        let ask = |wire| async move { answers(line, wire).await };
        let [_, beside] = self.link.ask(Repeat::Fine, ask).await?;
        Ok(bytes(beside))
    }
}

/// The question after both, and how long the first still lives.
pub(super) fn both(key: &Bytes, beside: &Bytes) -> Pipeline {
    // Said with room enough, it is allocated once.
    let mut both = Cmd::with_capacity(3, 4 + key.len() + beside.len());
    both.arg("MGET").arg(key.as_ref()).arg(beside.as_ref());
    let mut life = Cmd::with_capacity(2, 4 + key.len());
    life.arg("PTTL").arg(key.as_ref());
    let mut line = Pipeline::with_capacity(2);
    line.add_command(both).add_command(life);
    line
}

/// Asks whoever is at the other end.
pub(super) async fn held_by(line: &Pipeline, wire: Wire) -> Result<Beside, RedisError> {
    let [values, life] = answers(line, wire).await?;
    let [value, beside] = all(values)?;
    Ok((held_as(value, life), bytes(beside)))
}

/// What each command of the line was answered.
async fn answers<const N: usize>(
    line: &Pipeline,
    mut wire: Wire,
) -> Result<[Value; N], RedisError> {
    exactly(line.query_async(&mut wire).await?)
}

fn all<const N: usize>(value: Value) -> Result<[Value; N], RedisError> {
    match value {
        Value::Array(values) => exactly(values),
        _ => exactly(Vec::new()),
    }
}

fn exactly<const N: usize>(values: Vec<Value>) -> Result<[Value; N], RedisError> {
    values.try_into().map_err(|values: Vec<_>| {
        let detail = format!("{} answers instead of {N}", values.len());
        (::redis::ErrorKind::UnexpectedReturnType, "not as many as asked", detail).into()
    })
}
