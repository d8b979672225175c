//! nginx, alone or with ModSecurity and the rules of OWASP, as Debian packs them.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::Path;

use engines::known;

use crate::bench::load::Connection;
use crate::bench::peers::Guard;
use crate::bench::peers::value::Question;
use crate::bench::server::Server;
use crate::install;

const MODULE: &str = "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so";
const CONFIG: &str = "/etc/nginx/modsecurity.conf";
const SETUP: &str = "/etc/modsecurity/crs/crs-setup.conf";
const RULES: &str = "/usr/share/modsecurity-crs/rules";

/// What proves that a package is here.
const NEEDED: [(&str, &str); 3] =
    [("nginx", "nginx"), (MODULE, "libnginx-mod-http-modsecurity"), (SETUP, "modsecurity-crs")];

/// What of Debian's configuration is said otherwise here.
const OTHERWISE: [&str; 5] =
    ["SecRuleEngine", "SecAudit", "SecResponseBodyAccess", "SecStatusEngine", "SecUnicodeMapFile"];

/// Installs what is missing, if it may; an error when something is missing still.
pub(crate) fn install() -> io::Result<()> {
    let missing = || -> Vec<&str> {
        let here = |what: &str| known::find(what).is_some() || Path::new(what).is_file();
        NEEDED.iter().filter(|(what, _)| !here(what)).map(|(_, package)| *package).collect()
    };
    if !missing().is_empty() {
        install::packages_of_debian(&missing(), "the benchmark beside ModSecurity")?;
    }
    match missing().as_slice() {
        [] => Ok(()),
        missing => Err(io::Error::other(format!("install {} first", missing.join(" ")))),
    }
}

/// What the rules call themselves: `CRS 3.3.4`.
pub(crate) fn rules_name() -> io::Result<String> {
    let text = fs::read_to_string(format!("{RULES}/REQUEST-901-INITIALIZATION.conf"))?;
    let version = text.split_once("ver.").map(|(_, rest)| rest);
    let version = version.and_then(|rest| rest.split_whitespace().next());
    Ok(format!("CRS {}", version.unwrap_or("of an unknown version")))
}

/// One process of nginx that answers everything with a small file.
pub(crate) struct Nginx {
    server: Server,
    _place: tempfile::TempDir,
}

impl Nginx {
    /// Without ModSecurity.
    pub(crate) fn plain() -> io::Result<Self> {
        Self::start(None)
    }

    /// With the rules at a level of paranoia, blocking.
    pub(crate) fn guarded(paranoia: u8) -> io::Result<Self> {
        Self::start(Some(paranoia))
    }

    fn start(paranoia: Option<u8>) -> io::Result<Self> {
        let place = tempfile::tempdir()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        fs::write(place.path().join("ok.txt"), "ok\n")?;
        if let Some(paranoia) = paranoia {
            fs::write(place.path().join("modsecurity.conf"), rules(place.path(), paranoia)?)?;
        }
        let config = place.path().join("nginx.conf");
        fs::write(&config, self::config(place.path(), &address, paranoia.is_some()))?;
        let nginx = known::find("nginx").ok_or(io::ErrorKind::NotFound)?;
        let (config, log) = (config.display().to_string(), place.path().join("error.log"));
        let args = ["-c", &config, "-e", &log.display().to_string()];
        let server = Server::start_at(&nginx, &args, &address, "/")?;
        Ok(Self { server, _place: place })
    }
}

impl Guard for Nginx {
    /// As a browser shows itself: whoever does not is suspicious to the rules for that alone.
    fn open(&self) -> io::Result<Connection> {
        let connection = Connection::open(self.server.address())?;
        Ok(connection.with_header("user-agent", "Mozilla/5.0").with_header("accept", "*/*"))
    }

    fn ask(&self, connection: &mut Connection, question: &Question) -> io::Result<u16> {
        match question {
            Question::Get(path) => connection.status(path),
            Question::Post(form) => connection.post_form("/", form),
        }
    }

    fn pid(&self) -> u32 {
        self.server.pid()
    }
}

/// One process, so that its time is all there is; a file is what is served, since what `return`
/// answers is answered before anything is inspected. Files cannot be posted to, hence the 405: the
/// place it leads to has no ModSecurity, which would begin anew there.
fn config(place: &Path, address: &str, guarded: bool) -> String {
    let place = place.display();
    let (module, inspection, off) = match guarded {
        true => (
            format!("load_module {MODULE};\n"),
            format!("modsecurity on; modsecurity_rules_file {place}/modsecurity.conf;"),
            "modsecurity off;",
        ),
        false => Default::default(),
    };
    format!(
        "{module}daemon off; master_process off; pid {place}/pid; error_log /dev/null crit;\n\
         events {{ worker_connections 256; }}\n\
         http {{\n\
           access_log off; default_type text/plain; keepalive_requests 100000000;\n\
           large_client_header_buffers 4 64k; client_body_buffer_size 1m;\n\
           client_body_temp_path {place}/body; proxy_temp_path {place}/proxy;\n\
           fastcgi_temp_path {place}/fastcgi; uwsgi_temp_path {place}/uwsgi;\n\
           scgi_temp_path {place}/scgi;\n\
           server {{\n\
             listen {address}; root {place}; error_page 405 =200 @posted; {inspection}\n\
             location / {{ try_files /ok.txt =404; }}\n\
             location @posted {{ {off} return 200 ok; }}\n\
           }}\n\
         }}\n"
    )
}

/// Debian's configuration, blocking, without what it keeps of requests and without a look at answers.
fn rules(place: &Path, paranoia: u8) -> io::Result<String> {
    let debian = fs::read_to_string(CONFIG)?;
    let kept = |line: &&str| !OTHERWISE.iter().any(|word| line.trim_start().starts_with(word));
    let debian: String = debian.lines().filter(kept).flat_map(|line| [line, "\n"]).collect();
    let mapping = Path::new(CONFIG).with_file_name("unicode.mapping");
    fs::copy(&mapping, place.join("unicode.mapping"))?;
    Ok(format!(
        "{debian}\n\
         SecRuleEngine On\nSecAuditEngine Off\nSecResponseBodyAccess Off\n\
         SecUnicodeMapFile unicode.mapping 20127\n\
         Include {SETUP}\n\
         SecAction \"id:900000,phase:1,nolog,pass,t:none,setvar:tx.paranoia_level={paranoia}\"\n\
         Include {RULES}/*.conf\n"
    ))
}
