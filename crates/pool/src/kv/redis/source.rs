//! Where connections come from: one server, the master that Sentinels name, or
//! the nodes of a cluster.

use std::path::PathBuf;

use ::redis::cluster::{ClusterClient, ClusterClientBuilder};
use ::redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use ::redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo,
    IntoConnectionInfo, ProtocolVersion, PushInfo, RedisConnectionInfo, RedisError,
    TlsCertificates, TlsMode,
};
use flow::{Error, Result};
use zeroize::Zeroizing;

use super::Config;
use super::address::{Address, Shape};
use super::link::{Push, Wire};
use crate::codes;

/// Commands queued on one connection before its writers wait.
const QUEUED_MAX: usize = 1024;
/// How often a cluster redirects one command before it is given up.
const REDIRECTS_MAX: u32 = 3;

/// Where connections come from.
pub(super) enum Source {
    Single(Box<Client>),
    /// Asked anew for every connection: the master may be another by now.
    Sentinel(Box<tokio::sync::Mutex<SentinelClient>>),
    /// Finds the nodes anew for every connection.
    Cluster(Box<ClusterClient>),
}

impl Source {
    pub(super) fn new(address: &Address, config: &Config) -> Result<Self> {
        let wrong = |error: RedisError| {
            codes::KV_CONFIG.error(format!("cannot use Redis at `{address}`")).because(error)
        };
        match &address.shape {
            Shape::Single => {
                let (host, port) = address.hosts.first().cloned().unwrap_or_default();
                let info = info(address, config, &host, port).map_err(wrong)?;
                let client = client(info, config).map_err(wrong)?;
                Ok(Source::Single(Box::new(client)))
            }
            Shape::Sentinel { master } => {
                let client = sentinel(address, config, master).map_err(wrong)?;
                Ok(Source::Sentinel(Box::new(tokio::sync::Mutex::new(client))))
            }
            Shape::Cluster => {
                let client = cluster(address, config).map_err(wrong)?;
                Ok(Source::Cluster(Box::new(client)))
            }
        }
    }

    pub(super) async fn connect(
        &self,
        config: &Config,
        push: Option<Push>,
        limited: bool,
    ) -> Result<Wire, RedisError> {
        match self {
            Source::Single(client) => {
                let settings = settings(config, push, limited);
                let connecting = client.get_multiplexed_async_connection_with_config(&settings);
                Ok(Wire::Single(connecting.await?))
            }
            Source::Sentinel(client) => {
                let settings = settings(config, push, limited);
                let master = client.lock().await.async_get_client().await?;
                let connecting = master.get_multiplexed_async_connection_with_config(&settings);
                Ok(Wire::Single(connecting.await?))
            }
            Source::Cluster(client) => {
                // A cluster connection looks after the connections it is made of.
                Ok(Wire::Cluster(client.get_async_connection().await?))
            }
        }
    }
}

fn settings(config: &Config, push: Option<Push>, limited: bool) -> AsyncConnectionConfig {
    let settings = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(config.connect_timeout.0))
        .set_response_timeout(limited.then_some(config.timeout.0))
        .set_pipeline_buffer_size(QUEUED_MAX);
    match push {
        Some(push) => settings.set_push_sender(move |info: PushInfo| -> Result<(), ()> {
            push(info);
            Ok(())
        }),
        None => settings,
    }
}

fn addr(address: &Address, host: &str, port: u16) -> ConnectionAddr {
    let host = host.to_owned();
    match address.tls {
        false => ConnectionAddr::Tcp(host, port),
        true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
    }
}

fn info(
    address: &Address,
    config: &Config,
    host: &str,
    port: u16,
) -> Result<ConnectionInfo, RedisError> {
    let mut redis = RedisConnectionInfo::default()
        .set_db(address.database)
        .set_protocol(ProtocolVersion::RESP3)
        .set_lib_name("stockade", env!("CARGO_PKG_VERSION"));
    if let Some(name) = &config.username {
        redis = redis.set_username(name);
    }
    if let Some(password) = password(config)? {
        redis = redis.set_password(password.as_str());
    }
    Ok(addr(address, host, port).into_connection_info()?.set_redis_settings(redis))
}

fn password(config: &Config) -> Result<Option<Zeroizing<String>>, RedisError> {
    let Some(secret) = &config.password else {
        return Ok(None);
    };
    secret.read_text().map(Some).map_err(unreadable)
}

fn unreadable(error: Error) -> RedisError {
    RedisError::from(std::io::Error::other(error.story()))
}

fn certificates(config: &Config) -> Result<Option<TlsCertificates>, RedisError> {
    let tls = &config.tls;
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|error| {
            std::io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        })
    };
    let client_tls = match (&tls.certificate, &tls.key) {
        (Some(certificate), Some(key)) => Some(ClientTlsConfig {
            client_cert: read(certificate)?,
            client_key: key.read().map_err(unreadable)?.to_vec(),
        }),
        _ => None,
    };
    let root_cert = tls.ca.as_ref().map(read).transpose()?;
    if client_tls.is_none() && root_cert.is_none() {
        return Ok(None);
    }
    Ok(Some(TlsCertificates { client_tls, root_cert }))
}

fn client(info: ConnectionInfo, config: &Config) -> Result<Client, RedisError> {
    let tls = matches!(info.addr(), ConnectionAddr::TcpTls { .. });
    match certificates(config)? {
        Some(certificates) if tls => Client::build_with_tls(info, certificates),
        _ => Client::open(info),
    }
}

fn sentinel(
    address: &Address,
    config: &Config,
    master: &str,
) -> Result<SentinelClient, RedisError> {
    let sentinels = address.hosts.iter().map(|(host, port)| addr(address, host, *port));
    let mut builder = SentinelClientBuilder::new(sentinels, master, SentinelServerType::Master)?
        .set_client_to_redis_db(address.database)
        .set_client_to_redis_protocol(ProtocolVersion::RESP3)
        .set_client_to_sentinel_protocol(ProtocolVersion::RESP3);
    if let Some(name) = &config.username {
        builder = builder.set_client_to_redis_username(name);
    }
    if let Some(password) = password(config)? {
        builder = builder.set_client_to_redis_password(password.as_str());
    }
    if address.tls {
        builder = builder
            .set_client_to_redis_tls_mode(TlsMode::Secure)
            .set_client_to_sentinel_tls_mode(TlsMode::Secure);
        if let Some(certificates) = certificates(config)? {
            builder = builder
                .set_client_to_redis_certificates(certificates.clone())
                .set_client_to_sentinel_certificates(certificates);
        }
    }
    builder.build()
}

fn cluster(address: &Address, config: &Config) -> Result<ClusterClient, RedisError> {
    let nodes = address
        .hosts
        .iter()
        .map(|(host, port)| info(address, config, host, *port))
        .collect::<Result<Vec<_>, _>>()?;
    let mut builder = ClusterClientBuilder::new(nodes)
        .use_protocol(ProtocolVersion::RESP3)
        .connection_timeout(config.connect_timeout.0)
        .response_timeout(config.timeout.0)
        .retries(REDIRECTS_MAX);
    if address.tls {
        builder = builder.tls(TlsMode::Secure);
        if let Some(certificates) = certificates(config)? {
            builder = builder.certs(certificates);
        }
    }
    builder.build()
}

/// A connection to one node of a cluster.
pub(super) async fn connect_node(
    address: &Address,
    config: &Config,
    (host, port): (&str, u16),
    push: Push,
) -> Result<Wire, RedisError> {
    let client = client(info(address, config, host, port)?, config)?;
    let settings = settings(config, Some(push), false);
    let connecting = client.get_multiplexed_async_connection_with_config(&settings);
    Ok(Wire::Single(connecting.await?))
}
