//! A small identity provider: discovery, authorization with PKCE, codes that are good once,
//! ID tokens and keys. What it does wrong a test says.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use gate::jwt::{Algorithm, SigningKey};
use parking_lot::Mutex;
use serde_json::{Value, json};

pub(crate) const CLIENT: &str = "stockade here";
pub(crate) const SECRET: &str = "a client's se:cret";

/// A provider, and how it behaves.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    pub(crate) now: Arc<Mutex<State>>,
}

pub(crate) struct State {
    pub(crate) key: SigningKey,
    /// What the ID token says beside what it has to, or otherwise.
    pub(crate) claims: Value,
    pub(crate) typ: &'static str,
    /// Signs in place of the key that is published.
    pub(crate) forger: Option<SigningKey>,
    /// What it answers with instead of a code.
    pub(crate) error: Option<&'static str>,
    /// What the token endpoint answers with instead of tokens.
    pub(crate) broken: Option<(u16, &'static str)>,
    pub(crate) away: bool,
    pub(crate) issuer_said: Option<String>,
    pub(crate) clock: u64,
    codes: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) exchanged: u32,
    /// How clients showed who they are.
    pub(crate) shown: Vec<&'static str>,
}

impl Provider {
    pub(crate) fn start(clock: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let state = State {
            key: SigningKey::generate(Algorithm::Es256).unwrap(),
            claims: json!({}),
            typ: "JWT",
            forger: None,
            error: None,
            broken: None,
            away: false,
            issuer_said: None,
            clock,
            codes: BTreeMap::new(),
            exchanged: 0,
            shown: Vec::new(),
        };
        let now = Arc::new(Mutex::new(state));
        let (own, state) = (issuer.clone(), now.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if !state.lock().away {
                    let _ = serve(stream, &own, &state);
                }
            }
        });
        Self { issuer, now }
    }

    /// What a browser does that is sent there: it logs in, agrees, and is sent back.
    pub(crate) fn visit(&self, location: &str) -> String {
        let path = location.strip_prefix(&self.issuer).unwrap();
        let mut stream = TcpStream::connect(self.issuer.strip_prefix("http://").unwrap()).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: id\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let back = answer.lines().find_map(|line| line.strip_prefix("location: "));
        back.unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}

fn serve(mut stream: TcpStream, issuer: &str, state: &Mutex<State>) -> std::io::Result<()> {
    let mut heard = Vec::new();
    let mut piece = [0; 4096];
    let (head, body) = loop {
        let read = stream.read(&mut piece)?;
        heard.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&heard).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_lowercase().lines().find_map(|line| {
                line.strip_prefix("content-length: ").and_then(|length| length.parse().ok())
            });
            if body.len() >= length.unwrap_or(0) {
                break (head.to_owned(), body.to_owned());
            }
        }
        if read == 0 {
            return Ok(());
        }
    };
    let target = head.split(' ').nth(1).unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (status, more, said) = answer(path, query, &head, &body, issuer, &mut state.lock());
    let length = said.len();
    let head = format!("HTTP/1.1 {status} .\r\n{more}content-length: {length}\r\n");
    stream.write_all(format!("{head}connection: close\r\n\r\n{said}").as_bytes())
}

fn answer(
    path: &str,
    query: &str,
    head: &str,
    body: &str,
    issuer: &str,
    state: &mut State,
) -> (u16, String, String) {
    match path {
        "/.well-known/openid-configuration" => {
            let described = json!({
                "issuer": issuer,
                "jwks_uri": format!("{issuer}/keys"),
                "authorization_endpoint": format!("{issuer}/authorize?realm=corp"),
                "token_endpoint": format!("{issuer}/token"),
                "authorization_response_iss_parameter_supported": state.issuer_said.is_some(),
            });
            (200, String::new(), described.to_string())
        }
        "/keys" => {
            let keys = json!({ "keys": [state.key.public("k1").unwrap().unwrap()] });
            (200, String::new(), keys.to_string())
        }
        "/authorize" => {
            let asked = form(query);
            let wanted = [
                ("response_type", "code"),
                ("client_id", CLIENT),
                ("code_challenge_method", "S256"),
                ("realm", "corp"),
            ];
            if wanted.iter().any(|(name, value)| asked.get(*name).is_none_or(|is| is != value)) {
                return (400, String::new(), query.to_owned());
            }
            let (back, of) = (asked["redirect_uri"].clone(), asked["state"].clone());
            let mut location = match state.error {
                Some(error) => format!("{back}?error={error}&error_description=no+way&state={of}"),
                None => {
                    let code = format!("code-{}", state.codes.len());
                    state.codes.insert(code.clone(), asked);
                    format!("{back}?code={code}&state={of}&session_state=xyz")
                }
            };
            if let Some(issuer) = &state.issuer_said {
                location.push_str(&format!("&iss={issuer}"));
            }
            (302, format!("location: {location}\r\n"), String::new())
        }
        "/token" => token(head, &form(body), issuer, state),
        _ => (404, String::new(), String::new()),
    }
}

fn token(
    head: &str,
    given: &BTreeMap<String, String>,
    issuer: &str,
    state: &mut State,
) -> (u16, String, String) {
    let refuse = |error: &str| (400, String::new(), json!({ "error": error }).to_string());
    state.exchanged += 1;
    if let Some((status, said)) = state.broken {
        return (status, String::new(), said.to_owned());
    }
    let of = |name: &str| given.get(name).map(String::as_str).unwrap_or_default();
    let basic = head.lines().find_map(|line| line.strip_prefix("authorization: Basic "));
    let shown = match basic {
        Some(basic) => {
            let both = String::from_utf8(BASE64.decode(basic.as_bytes()).unwrap()).unwrap();
            let (id, secret) = both.split_once(':').unwrap();
            ((text(id), text(secret)) == (CLIENT.into(), SECRET.into())).then_some("basic")
        }
        None if of("client_id") != CLIENT => None,
        None if of("client_secret") == SECRET => Some("post"),
        None if of("client_secret").is_empty() => Some("public"),
        None => None,
    };
    let Some(shown) = shown else { return refuse("invalid_client") };
    state.shown.push(shown);
    // A code is good once.
    let Some(asked) = state.codes.remove(of("code")) else { return refuse("invalid_grant") };
    let challenge =
        BASE64URL_NOPAD.encode(digest(&SHA256, of("code_verifier").as_bytes()).as_ref());
    if asked["code_challenge"] != challenge || asked["redirect_uri"] != of("redirect_uri") {
        return refuse("invalid_grant");
    }
    let access = "an access token";
    let way = match state.key.algorithm() {
        Algorithm::EdDsa => &SHA512,
        _ => &SHA256,
    };
    let hash = digest(way, access.as_bytes());
    let hash = BASE64URL_NOPAD.encode(&hash.as_ref()[..hash.as_ref().len() / 2]);
    let mut claims = json!({
        "iss": issuer, "aud": CLIENT, "sub": "1234", "nonce": asked["nonce"],
        "iat": state.clock, "exp": state.clock + 300, "at_hash": hash,
        "groups": ["everybody", "unheard-of"], "roles": ["admin"],
    });
    for (name, value) in state.claims.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let signer = state.forger.as_ref().unwrap_or(&state.key);
    let signed = signer.sign_as(state.typ, "k1", claims.to_string().as_bytes()).unwrap();
    let given = json!({ "access_token": access, "token_type": "Bearer", "id_token": signed });
    (200, String::new(), given.to_string())
}

/// The fields of a form.
pub(crate) fn form(written: &str) -> BTreeMap<String, String> {
    let pairs = written.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (text(name), text(value))).collect()
}

fn text(written: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = written.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).unwrap()
}
