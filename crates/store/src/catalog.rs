//! Which objects there are.

use std::sync::Arc;

use flow::question::object::Head;
use flow::{Clock, Fact, Result};
use pool::sql::migrate::{Migration, migrate};
use pool::sql::{Row, Sql, Statement, Transaction};

use crate::codes::ABSENT;
use crate::name::Name;

const MIGRATIONS: &[Migration] = &[Migration::both(
    1,
    "objects",
    "CREATE TABLE object (
        tenant TEXT NOT NULL,
        bucket TEXT NOT NULL,
        key TEXT NOT NULL,
        blob TEXT NOT NULL UNIQUE,
        size BIGINT NOT NULL,
        digest TEXT NOT NULL,
        media_type TEXT NOT NULL,
        at BIGINT NOT NULL,
        PRIMARY KEY (tenant, bucket, key)
    );",
)];

pub(crate) struct Catalog(Arc<dyn Sql>);

/// An object with the blob its bytes are in.
pub(crate) struct Listed {
    pub(crate) head: Head,
    pub(crate) blob: String,
}

impl Catalog {
    pub(crate) async fn open(sql: Arc<dyn Sql>, clock: &Clock) -> Result<Self> {
        migrate(&*sql, clock, "store", MIGRATIONS).await?;
        Ok(Self(sql))
    }

    pub(crate) async fn find(&self, name: Name<'_>) -> Result<Option<Listed>> {
        let text = "SELECT blob, size, digest, media_type, at FROM object
                    WHERE tenant = ?1 AND bucket = ?2 AND key = ?3";
        let rows = self.0.query(named(text, name)).await?;
        rows.first().map(Listed::read).transpose()
    }

    /// Makes `listed` the object of this name; the blob it replaces.
    pub(crate) async fn put(
        &self,
        name: Name<'_>,
        listed: &Listed,
        fact: Option<Fact>,
    ) -> Result<Option<String>> {
        let Listed { head, blob } = listed;
        let before = "SELECT blob FROM object WHERE tenant = ?1 AND bucket = ?2 AND key = ?3";
        let text = "INSERT INTO object (tenant, bucket, key, blob, size, digest, media_type, at)
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                    ON CONFLICT (tenant, bucket, key) DO UPDATE SET blob = ?4, size = ?5,
                    digest = ?6, media_type = ?7, at = ?8";
        let upsert = named(text, name)
            .bind(blob.as_str())
            .bind(head.size as i64)
            .bind(head.digest.as_str())
            .bind(head.media_type.as_str())
            .bind(head.at);
        let transaction = Transaction::new().run(named(before, name)).run(upsert);
        self.commit(transaction, fact).await
    }

    /// Forgets the object of this name; the blob it had. Where there was none,
    /// nothing happened and there is no fact of it.
    pub(crate) async fn delete(
        &self,
        name: Name<'_>,
        fact: Option<Fact>,
    ) -> Result<Option<String>> {
        let text = "DELETE FROM object WHERE tenant = ?1 AND bucket = ?2 AND key = ?3
                    RETURNING blob";
        let transaction = Transaction::new().run(named(text, name));
        let transaction = transaction.expect_rows(1, &ABSENT, "there is no such object");
        match self.commit(transaction, fact).await {
            Err(error) if error.code() == &ABSENT => Ok(None),
            answer => answer,
        }
    }

    pub(crate) async fn refers_to(&self, blob: &str) -> Result<bool> {
        let text = "SELECT blob FROM object WHERE blob = ?1";
        Ok(!self.0.query(Statement::new(text).bind(blob)).await?.is_empty())
    }

    /// The blob that the first statement gives, if it gives one.
    async fn commit(&self, transaction: Transaction, fact: Option<Fact>) -> Result<Option<String>> {
        let transaction = match fact {
            Some(fact) => transaction.fact(fact),
            None => transaction,
        };
        let answers = self.0.commit(transaction).await?;
        answers.first().and_then(|rows| rows.first()).map(|row| row.at(0)).transpose()
    }
}

impl Listed {
    fn read(row: &Row) -> Result<Self> {
        let head = Head {
            size: row.get("size")?,
            digest: row.get("digest")?,
            media_type: row.get("media_type")?,
            at: row.get("at")?,
        };
        Ok(Self { head, blob: row.get("blob")? })
    }
}

fn named(text: &'static str, name: Name<'_>) -> Statement {
    Statement::new(text).bind(name.tenant).bind(name.bucket).bind(name.key)
}
