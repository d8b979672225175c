//! Logging in where an identity provider vouches for somebody.

use std::sync::Arc;

use flow::question::account::Begun;
use flow::request::Returned;
use flow::{Identity, Outcome, Request, Result};

use super::Logins;
use super::fact::fact_of;
use crate::codes::NO_PROVIDER;
use crate::credential::jwt::Tokens;
use crate::seal::Seal;

impl Logins {
    /// Begins a login at this provider.
    pub async fn begin(&self, provider: &str) -> Result<Begun> {
        let (tokens, seal) = self.providers(provider)?;
        tokens.begin_login(provider, seal, &self.random).await
    }

    /// Who has come back from a provider. They are a user from then on, whose roles are what
    /// the provider's words for them make them here.
    pub(crate) async fn come_back(
        &self,
        request: &Request<'_>,
        returned: Returned<'_>,
    ) -> Result<Arc<Identity>> {
        let (tokens, seal) = self.providers(returned.provider)?;
        let person = tokens.finish_login(returned, (seal, &self.spent)).await?;
        let fact = |action| {
            let what = (action, ("user", &*person.name));
            let (clock, random) = (&self.clock, &self.random);
            let mut fact = fact_of(clock, random, request, None, what, Outcome::Done);
            fact.tenant = person.tenant.as_str().into();
            fact.detail =
                serde_json::json!({ "provider": &person.provider, "roles": &person.roles }).into();
            fact
        };
        let (tenant, name): (Arc<str>, Arc<str>) =
            (person.tenant.as_str().into(), person.name.as_str().into());
        self.users.adopt(&person, fact).await?;
        let epoch = self.revisions.observe(&tenant, &name);
        // Read again, now that whoever changes them is heard.
        let (kind, roles) = self.users.vouched(&person).await?;
        let credential = format!("vouched:{}", person.provider).into();
        Ok(Arc::new(Identity::new(kind, tenant, name, roles.into(), credential, epoch)))
    }

    fn providers(&self, name: &str) -> Result<(&Tokens, &Seal)> {
        let none = || NO_PROVIDER.error(format!("nobody logs in at `{}`", name.escape_debug()));
        self.tokens.as_deref().zip(self.seal.as_deref()).ok_or_else(none)
    }
}
