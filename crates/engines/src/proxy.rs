//! A proxy in front of something, by a configuration of the test's own.

use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::clients::ENVOY;
use crate::directory;
use crate::known::{CADDY, NGINX};
use crate::process::{Process, Start};
use crate::wait;

/// How often another port is tried when somebody was faster.
const PORTS_MAX: u32 = 8;

/// A running nginx, Caddy or Envoy. Dropping it kills it.
#[derive(Debug)]
pub struct Proxy {
    process: Process,
    address: String,
    directory: TempDir,
}

impl Proxy {
    /// An nginx that serves this, what stands within `http { … }`; `{address}` in it is where it
    /// listens.
    pub fn nginx(inside: &str) -> Option<Self> {
        let program = NGINX.find_or_skip()?;
        let whole = format!(
            "daemon off;\npid {{dir}}/pid;\nerror_log stderr notice;\nworker_processes 1;\n\
             events {{}}\nhttp {{\naccess_log off;\nclient_body_temp_path {{dir}}/body;\n\
             proxy_temp_path {{dir}}/proxy;\nfastcgi_temp_path {{dir}}/fastcgi;\n\
             uwsgi_temp_path {{dir}}/uwsgi;\nscgi_temp_path {{dir}}/scgi;\n{inside}\n}}\n"
        );
        let args = ["-p", "{dir}", "-e", "stderr", "-c", "{config}"];
        Some(Self::start(&program, "nginx.conf", &whole, &args))
    }

    /// A Caddy with this Caddyfile; `{address}` in it is where it listens.
    pub fn caddy(caddyfile: &str) -> Option<Self> {
        let program = CADDY.find_or_skip()?;
        let whole = format!("{{\n\tadmin off\n\tauto_https off\n}}\n{caddyfile}");
        // It keeps its last configuration in the user's own, unless that is elsewhere.
        let program = program.display().to_string();
        let homes = ["XDG_CONFIG_HOME={dir}", "XDG_DATA_HOME={dir}", &program];
        let run = ["run", "--adapter", "caddyfile", "--config", "{config}"];
        let env = crate::known::find("env").unwrap_or_else(|| "/usr/bin/env".into());
        Some(Self::start(&env, "Caddyfile", &whole, &[&homes[..], &run[..]].concat()))
    }

    /// An Envoy with this configuration; `{port}` in it is where it listens.
    pub fn envoy(config: &str) -> Option<Self> {
        let program = ENVOY.find_or_skip()?;
        let args =
            ["--disable-hot-restart", "--concurrency", "1", "-l", "warning", "-c", "{config}"];
        Some(Self::start(&program, "envoy.yaml", config, &args))
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What it said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Ends it.
    pub fn stop(mut self) -> io::Result<()> {
        self.process.end(Signal::TERM)
    }

    fn start(program: &Path, name: &str, config: &str, args: &[&str]) -> Self {
        let mut last = None;
        for _ in 0..PORTS_MAX {
            match Self::launch(program, name, config, args) {
                Ok(proxy) => return proxy,
                Err(error) => last = Some(error),
            }
        }
        panic!("{} is installed and does not start: {last:?}", program.display());
    }

    fn launch(program: &Path, name: &str, config: &str, args: &[&str]) -> io::Result<Self> {
        let directory = directory::fresh("proxy-")?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let path: PathBuf = directory.path().join(name);
        let fill = |text: &str| {
            text.replace("{dir}", &directory.path().display().to_string())
                .replace("{config}", &path.display().to_string())
                .replace("{address}", &address)
                .replace("{port}", &port.to_string())
        };
        fs::write(&path, fill(config))?;
        let args: Vec<String> = args.iter().map(|arg| fill(arg)).collect();
        let log = directory.path().join("log");
        let start = Start { user: None, dies_by: "KILL", directory: directory.path(), log: &log };
        let mut process = Process::start(program, &args, start)?;
        wait::until("a proxy listens", || {
            process.still_runs()?;
            Ok(TcpStream::connect(&address).is_ok().then_some(()))
        })?;
        Ok(Self { process, address, directory })
    }
}
