//! Logging in at a provider, by authorization code and PKCE.
//!
//! The first half sends a browser there; the second takes what it brings back, exchanges it
//! for an ID token and reads who that is. What the provider says has to be for us (`iss`,
//! `aud`, `azp`), for this login (`nonce`, `at_hash`) and for now.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, SHA512, digest};
use flow::question::account::Begun as Beginning;
use flow::request::Returned;
use flow::{Principal, Random, Result, Time};
use form_urlencoded::{Serializer, byte_serialize};
use pool::http::Ask;
use pool::secret::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::begun::{Begun, LIFE};
use super::{Described, Provider, secure};
use crate::codes::{ID_TOKEN, LOGIN_REPLAYED, LOGIN_STATE, PROVIDER_AWAY, PROVIDER_REFUSED};
use crate::credential::jwt::claims::Payload;
use crate::credential::jwt::jws::encoded;
use crate::credential::jwt::{Algorithm, Compact, Expected, Flaw};
use crate::seal::Seal;
use crate::spent::Spent;

/// An ID token is not larger.
const LARGEST: usize = 64 << 10;
/// What a provider says went wrong is quoted up to here.
const QUOTED: usize = 64;

/// How people log in at a provider.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What Stockade is called over there.
    pub client_id: String,
    /// Where its secret is, such as `env:OIDC_SECRET`; a public client has none.
    #[serde(default)]
    pub client_secret: Option<Secret>,
    /// How the secret is shown: `basic` or `post`.
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// Where the provider sends people back to, as it is registered there:
    /// `https://<this server>/v1/auth/oidc/<name>/callback`.
    pub redirect_url: String,
    /// What is asked for; `openid` always is.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// How a client shows its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// In a header.
    #[default]
    Basic,
    /// In the body.
    Post,
}

impl Config {
    /// What is wrong with it, if anything.
    pub(super) fn check(&self, provider: &str) -> Result<(), String> {
        if self.client_id.is_empty() {
            return Err("it has no `client_id`".into());
        }
        secure(&self.redirect_url)?;
        let end = format!("/v1/auth/oidc/{provider}/callback");
        if !self.redirect_url.ends_with(&end) {
            return Err(format!("`redirect_url` does not end with `{end}`"));
        }
        match self.client_secret.as_ref().map(Secret::read_text) {
            Some(Err(error)) => Err(error.detail().to_owned()),
            _ => Ok(()),
        }
    }
}

/// Somebody a provider vouches for.
pub(crate) struct Person {
    pub(crate) provider: String,
    /// Who they are over there, whatever they are called.
    pub(crate) subject: String,
    pub(crate) tenant: String,
    pub(crate) name: String,
    pub(crate) kind: Principal,
    pub(crate) roles: Vec<String>,
}

/// What the provider gives for a code.
#[derive(Deserialize)]
struct Given {
    id_token: Option<Zeroizing<String>>,
    access_token: Option<Zeroizing<String>>,
}

/// What it says where it gives nothing.
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl Provider {
    /// Where to send a browser, and what to let it keep.
    pub(in crate::credential::jwt) async fn begin(
        &self,
        seal: &Seal,
        random: &Random,
    ) -> Result<Beginning> {
        let login = self.login()?;
        let described = self.described().await?;
        let begun = Begun::new(&self.clock, random);
        let mut scope = "openid".to_owned();
        for more in login.scopes.iter().filter(|scope| *scope != "openid") {
            scope.push(' ');
            scope.push_str(more);
        }
        let query = Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", &login.client_id)
            .append_pair("redirect_uri", &login.redirect_url)
            .append_pair("scope", &scope)
            .append_pair("state", &begun.state)
            .append_pair("nonce", &begun.nonce)
            .append_pair("code_challenge", &encoded(digest(&SHA256, begun.verifier.as_bytes())))
            .append_pair("code_challenge_method", "S256")
            .finish();
        let place = &described.authorization_endpoint;
        let mark = if place.contains('?') { '&' } else { '?' };
        Ok(Beginning {
            location: format!("{place}{mark}{query}"),
            kept: begun.sealed(self.name(), seal)?,
            secure: login.redirect_url.starts_with("https://"),
            life: LIFE,
        })
    }

    /// Who has come back.
    pub(in crate::credential::jwt) async fn finish(
        &self,
        returned: Returned<'_>,
        (seal, spent): (&Seal, &Spent),
        leeway: Duration,
    ) -> Result<Person> {
        let login = self.login()?;
        let begun = Begun::open(returned.kept, self.name(), seal, self.clock.now())?;
        if verify_slices_are_equal(begun.state.as_bytes(), returned.state.as_bytes()).is_err() {
            return Err(LOGIN_STATE.error("`state` is not that of the login this browser began"));
        }
        let described = self.described().await?;
        self.is_theirs(returned, &described)?;
        let until = Time(begun.until.saturating_mul(1_000_000_000)).after(LIFE);
        if !spent.spend(&format!("oidc/{}", begun.state), until).await? {
            return Err(LOGIN_REPLAYED.error("this login was finished before"));
        }
        if let Some(error) = returned.error {
            return Err(refused(error));
        }
        let code = returned.code.filter(|code| !code.is_empty());
        let code = code.ok_or_else(|| LOGIN_STATE.error("the provider sent no `code`"))?;
        let given = self.exchange(login, &described, code, &begun).await?;
        let token = given.id_token.as_deref();
        let token = token.ok_or_else(|| ID_TOKEN.error("the provider gave no ID token"))?;
        let payload = self.id_token(login, token, leeway).await?;
        is_of(&payload, login, &begun)?;
        if let (Some(access), Some(hash)) = (&given.access_token, payload.word("at_hash")) {
            hashes_to(access, hash, token)?;
        }
        let subject = payload.sub.clone().filter(|sub| !sub.is_empty());
        let subject = subject.ok_or_else(|| untrue(Flaw::Claims))?;
        let claims = self.person(&payload).map_err(untrue)?;
        Ok(Person {
            provider: self.name().to_owned(),
            subject,
            tenant: claims.tenant,
            name: claims.name,
            kind: claims.kind,
            roles: claims.roles,
        })
    }

    fn login(&self) -> Result<&Config> {
        let none = || PROVIDER_REFUSED.error(format!("nobody logs in at `{}`", self.name()));
        self.config.login.as_ref().ok_or_else(none)
    }

    /// RFC 9207: an answer of another provider may be sent to our door.
    fn is_theirs(&self, returned: Returned<'_>, described: &Described) -> Result<()> {
        match returned.issuer {
            Some(issuer) if issuer == self.config.issuer => Ok(()),
            Some(_) => Err(LOGIN_STATE.error("the answer is another provider's")),
            None if described.authorization_response_iss_parameter_supported => {
                Err(LOGIN_STATE.error("the provider does not say that the answer is its own"))
            }
            None => Ok(()),
        }
    }

    /// Exchanges a code.
    async fn exchange(
        &self,
        login: &Config,
        described: &Described,
        code: &str,
        begun: &Begun,
    ) -> Result<Given> {
        let ask = asking(login, described, code, begun)?;
        let away = |cause| {
            PROVIDER_AWAY.error(format!("`{}` does not answer", self.name())).because(cause)
        };
        let answer = self.http.send(ask).await.map_err(away)?;
        if answer.status.is_success() {
            let wrong = |_| ID_TOKEN.error("what the provider gave cannot be read");
            return serde_json::from_slice(&answer.body).map_err(wrong);
        }
        let status = answer.status.as_u16();
        match serde_json::from_slice::<Refusal>(&answer.body) {
            Ok(refusal) if answer.status.is_client_error() => Err(refused(&refusal.error)),
            _ => Err(PROVIDER_AWAY.error(format!("`{}` answered {status}", self.name()))),
        }
    }

    async fn id_token(&self, login: &Config, token: &str, leeway: Duration) -> Result<Payload> {
        let read = Compact::read(token, LARGEST).map_err(untrue)?;
        let typ = read.header().typ.as_deref();
        if typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
            return Err(untrue(Flaw::Kind));
        }
        let kid = read.header().kid.clone();
        let keys = self.keys_for(kid.as_deref()).await?;
        let key = keys.find(kid.as_deref()).ok_or_else(|| untrue(Flaw::Key))?;
        let bytes = read.verified(key).map_err(untrue)?;
        let payload = Payload::read(&bytes).map_err(untrue)?;
        let (issuer, audience) = (&*self.config.issuer, &*login.client_id);
        let expected = Expected { issuer, audience, leeway };
        payload.check(expected, self.clock.now()).map_err(untrue)?;
        Ok(payload)
    }
}

/// What is asked with a code.
fn asking(login: &Config, described: &Described, code: &str, begun: &Begun) -> Result<Ask> {
    let secret = login.client_secret.as_ref().map(Secret::read_text).transpose()?;
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", &login.redirect_url)
        .append_pair("code_verifier", &begun.verifier);
    let mut ask = Ask::post(&described.token_endpoint, "")?
        .header("accept", "application/json")?
        .header("content-type", "application/x-www-form-urlencoded")?;
    match (&secret, login.client_auth) {
        (Some(secret), ClientAuth::Basic) => {
            ask = ask.header("authorization", &basic(&login.client_id, secret))?;
        }
        (Some(secret), ClientAuth::Post) => {
            form.append_pair("client_id", &login.client_id).append_pair("client_secret", secret);
        }
        (None, _) => {
            form.append_pair("client_id", &login.client_id);
        }
    }
    Ok(ask.body(form.finish()))
}

/// Whether an ID token was made for us alone, and for this login.
fn is_of(payload: &Payload, login: &Config, begun: &Begun) -> Result<()> {
    let party = payload.word("azp");
    let foreign = party.is_some_and(|party| party != login.client_id);
    if foreign || (party.is_none() && payload.audiences() > 1) {
        return Err(ID_TOKEN.error("the ID token was made for somebody else"));
    }
    let nonce = payload.word("nonce").unwrap_or_default();
    match verify_slices_are_equal(nonce.as_bytes(), begun.nonce.as_bytes()) {
        Ok(()) => Ok(()),
        Err(_) => Err(ID_TOKEN.error("the ID token is of another login: its `nonce` is wrong")),
    }
}

/// Whether the access token beside an ID token is the one it tells of.
fn hashes_to(access: &str, hash: &str, token: &str) -> Result<()> {
    let header = Compact::read(token, LARGEST).map_err(untrue)?;
    let way = match header.header().alg == Algorithm::EdDsa.name() {
        true => &SHA512,
        false => &SHA256,
    };
    let full = digest(way, access.as_bytes());
    let half = full.as_ref().get(..full.as_ref().len() / 2).unwrap_or_default();
    match verify_slices_are_equal(encoded(half).as_bytes(), hash.as_bytes()) {
        Ok(()) => Ok(()),
        Err(_) => Err(ID_TOKEN.error("the ID token tells of another access token")),
    }
}

/// RFC 6749 encodes both parts before they are put together.
fn basic(id: &str, secret: &str) -> Zeroizing<String> {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let part = |text: &str| byte_serialize(text.as_bytes()).collect::<Zeroed>().0;
    let both = Zeroizing::new(format!("{}:{}", *part(id), *part(secret)));
    Zeroizing::new(format!("Basic {}", STANDARD.encode(both.as_bytes())))
}

/// Text that is wiped.
struct Zeroed(Zeroizing<String>);

impl<'a> FromIterator<&'a str> for Zeroed {
    fn from_iter<I: IntoIterator<Item = &'a str>>(parts: I) -> Self {
        Self(Zeroizing::new(parts.into_iter().collect()))
    }
}

fn untrue(flaw: Flaw) -> flow::Error {
    ID_TOKEN.error(format!("the ID token is not accepted: {}", flaw.sentence()))
}

/// The provider's own word for what went wrong, if it is one.
fn refused(error: &str) -> flow::Error {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    match error.len() <= QUOTED && !error.is_empty() && error.bytes().all(is_word) {
        true => PROVIDER_REFUSED.error(format!("the provider says `{error}`")),
        false => PROVIDER_REFUSED.error("the provider says no"),
    }
}
