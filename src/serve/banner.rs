//! What a person sees who starts the server.

use std::fmt::Write as _;
use std::io::Write as _;

use flow::Result;
use flow::question::admin::CreatedKey;

use super::codes::OUTPUT;
use super::doors::Doors;
use crate::config::{Config, Profile};

/// Prints where every door is, with one line to try, and the first key, which is
/// shown this once.
pub(super) fn print(config: &Config, doors: &Doors, first: Option<&CreatedKey>) -> Result<()> {
    let text = text(config, doors, first);
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match (written, first) {
        // Without a key to be shown nobody misses anything.
        (Ok(()), _) | (Err(_), None) => Ok(()),
        (Err(error), Some(_)) => Err(OUTPUT.error("the first key was not seen").because(error)),
    }
}

fn text(config: &Config, doors: &Doors, first: Option<&CreatedKey>) -> String {
    let profile = match config.profile {
        Profile::Development => "development",
        Profile::Testing => "testing",
        Profile::Production => "production",
    };
    let mut text = format!(
        "\n  Stockade {} · {profile} · data in {}\n\n",
        env!("CARGO_PKG_VERSION"),
        config.data.display()
    );
    let mut door = |name: &str, address: &str, example: &str| {
        let _ = writeln!(text, "  {name:<7}{address}\n         {example}\n");
    };
    if let Some(address) = &doors.http {
        let scheme = if doors.tls { "https" } else { "http" };
        let url = format!("{scheme}://{address}");
        let example = format!("curl -H \"authorization: Bearer $STOCKADE_KEY\" {url}/v1/status");
        door("HTTP", &url, &example);
    }
    if let Some(address) = &doors.resp {
        let port = address.rsplit(':').next().unwrap_or_default();
        let example = format!("REDISCLI_AUTH=$STOCKADE_KEY redis-cli -p {port} set greeting hello");
        door("Redis", &format!("redis://{address}"), &example);
    }
    if let Some(address) = &doors.resp_tls {
        let port = address.rsplit(':').next().unwrap_or_default();
        let example = format!("REDISCLI_AUTH=$STOCKADE_KEY redis-cli --tls -p {port} ping");
        door("Redis", &format!("rediss://{address}"), &example);
    }
    if let Some(address) = &doors.grpc {
        let scheme = if config.authz.tls.is_some() { "https" } else { "http" };
        let port = address.rsplit(':').next().unwrap_or_default();
        let example =
            format!("grpc_service: {{ envoy_grpc: {{ cluster_name: stockade }} }}, port {port}");
        door("Envoy", &format!("{scheme}://{address}"), &example);
    }
    let socket = super::listen::local_path(&config.data);
    door("Local", &socket.display().to_string(), "stockade check");
    if let Some(key) = first {
        let _ = writeln!(
            text,
            "  This is the first start. The administrator's key, shown this once:\n\n    \
             export STOCKADE_KEY={}\n",
            key.secret
        );
    }
    text
}
