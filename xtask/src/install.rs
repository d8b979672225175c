//! Installing the engines that the tests need, where we may.

use std::io;
use std::process::{Command, Stdio};

use engines::clients::{CLIENTS, Client};
use engines::known::{self, ENGINES, Engine};

/// How Debian asks whether a daemon may start.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Installs packages as root without any of their daemons starting: the policy first,
/// then the packages.
///
/// Whatever policy was there is put back when this shell ends, however it ends; the
/// shell goes on to the end of the installation even when `xtask` is killed. A shell
/// that was itself killed is healed by the next one. The lock keeps two runs from
/// taking each other's policy for the machine's own.
const SCRIPT: &str = r#"
set -u
policy=$1; shift
saved=$policy.saved-by-stockade
mark='# put here by cargo xtask test while it installs packages'
exec 9<"${policy%/*}" && flock 9 || exit 1

restore() {
    if [ -e "$saved" ] || [ -L "$saved" ]; then mv -f "$saved" "$policy"
    elif grep -qsF "$mark" "$policy"; then rm -f "$policy"
    fi
}
restore
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

if [ -e "$policy" ] || [ -L "$policy" ]; then mv "$policy" "$saved" || exit 1; fi
printf '#!/bin/sh\n%s\nexit 101\n' "$mark" > "$policy" && chmod 755 "$policy" || exit 1

export DEBIAN_FRONTEND=noninteractive
apt-get -q update 9<&- || echo 'apt-get update failed; trying with the lists there are' >&2
apt-get -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@" 9<&-
"#;

/// Who we are to the package manager.
enum Permission {
    Root,
    Sudo,
    None,
}

/// Installs what is missing if it may, and says what that is first. With `CI=true`
/// answers `false` when something is missing still.
pub(crate) fn ensure(may_install: bool) -> io::Result<bool> {
    let missing = missing();
    if may_install && !missing.is_empty() {
        packages_of_debian(&packages(&missing), "the tests; --no-install does without")?;
    }
    let clients = clients(may_install);
    let missing = self::missing();
    for engine in &missing {
        eprintln!("no {}: skips {}", engine.binary, engine.needed_by);
    }
    if known::in_ci() && !missing.is_empty() {
        eprintln!("with CI=true nothing may be skipped: install {}", packages(&missing).join(" "));
        return Ok(false);
    }
    if known::in_ci() && !clients.is_empty() {
        eprintln!("with CI=true nothing may be skipped: install {}", clients.join(" "));
        return Ok(false);
    }
    Ok(true)
}

/// Installs the clients in other languages if it may; those that are missing still.
fn clients(may_install: bool) -> Vec<&'static str> {
    let absent = |client: &&&'static Client| client.find().is_none();
    for client in CLIENTS.iter().filter(absent).filter(|_| may_install) {
        eprintln!("Installing {} by {}, for the tests.", client.name, client.tool.binary);
        if let Err(error) = client.install() {
            eprintln!("{error}");
        }
    }
    let missing: Vec<_> = CLIENTS.iter().filter(absent).collect();
    missing.iter().for_each(|client| eprintln!("no {}: skips {}", client.name, client.needed_by));
    missing.into_iter().map(|client| client.name).collect()
}

fn missing() -> Vec<&'static Engine> {
    ENGINES.iter().copied().filter(|engine| engine.find().is_none()).collect()
}

/// Installs packages if it may, and says which and what for before it does.
pub(crate) fn packages_of_debian(packages: &[&str], purpose: &str) -> io::Result<()> {
    let mut command = match permission() {
        _ if known::find("apt-get").is_none() => {
            eprintln!("no apt-get here: install {} by hand", packages.join(" "));
            return Ok(());
        }
        Permission::None => {
            eprintln!("neither root nor passwordless sudo: cannot install {}", packages.join(" "));
            return Ok(());
        }
        Permission::Root => Command::new("sh"),
        Permission::Sudo => {
            let mut sudo = Command::new("sudo");
            sudo.args(["-n", "sh"]);
            sudo
        }
    };
    eprintln!(
        "Installing {} by apt-get; no daemon is started. It is for {purpose}.",
        packages.join(" ")
    );
    let status = command
        .args(["-c", SCRIPT, "install", POLICY])
        .args(packages)
        .stdin(Stdio::null())
        .status()?;
    if !status.success() {
        eprintln!("apt-get ended with {status}");
    }
    Ok(())
}

fn packages(engines: &[&Engine]) -> Vec<&'static str> {
    engines.iter().map(|engine| engine.package).collect()
}

fn permission() -> Permission {
    let says = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        let output = command.args(args).stdin(Stdio::null()).stderr(Stdio::null()).output();
        output.ok().filter(|output| output.status.success()).map(|output| output.stdout)
    };
    if says("id", &["-u"]).is_some_and(|uid| uid.trim_ascii() == b"0") {
        Permission::Root
    } else if says("sudo", &["-n", "true"]).is_some() {
        Permission::Sudo
    } else {
        Permission::None
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;

    use super::*;

    /// A directory with a policy, perhaps, and an `apt-get` that keeps what the policy
    /// said while it ran.
    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new(policy: Option<&str>) -> Self {
            let machine = Self(tempfile::tempdir().unwrap());
            if let Some(policy) = policy {
                fs::write(machine.path("policy"), policy).unwrap();
            }
            machine
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        /// Installs with an `apt-get` that ends with `last`; answers whether that went well.
        fn install(&self, last: &str) -> bool {
            let apt = self.path("apt-get");
            let policy = self.path("policy");
            let seen = self.path("seen");
            let body = format!(
                "#!/bin/sh\ncp {} {}\ncase $* in *install*) {last};; esac\n",
                policy.display(),
                seen.display()
            );
            fs::write(&apt, body).unwrap();
            fs::set_permissions(&apt, fs::Permissions::from_mode(0o755)).unwrap();
            let path = format!("{}:/usr/bin:/bin", self.0.path().display());
            let mut command = Command::new("sh");
            command.args(["-c", SCRIPT, "install"]).arg(policy).arg("a").env("PATH", path);
            command.status().unwrap().success()
        }

        fn policy(&self) -> Option<String> {
            fs::read_to_string(self.path("policy")).ok()
        }

        fn starts_were_denied(&self) -> bool {
            fs::read_to_string(self.path("seen")).unwrap().ends_with("exit 101\n")
        }
    }

    #[test]
    fn the_machines_own_policy_is_back_however_the_installation_ends() {
        let ends = [
            ("exit 0", true),
            ("exit 100", false),
            ("kill -TERM $PPID", false),
            ("kill -INT $PPID", false),
        ];
        for before in [Some("exit 0\n"), None] {
            for (last, succeeds) in ends {
                let machine = Machine::new(before);
                assert_eq!(machine.install(last), succeeds, "{last}");
                assert!(machine.starts_were_denied());
                assert_eq!(machine.policy().as_deref(), before, "{last}");
            }
        }
    }

    #[test]
    fn a_policy_left_by_a_killed_shell_is_healed_by_the_next() {
        for before in [Some("exit 0\n"), None] {
            let machine = Machine::new(before);
            assert!(!machine.install("kill -KILL $PPID"));
            assert_ne!(machine.policy().as_deref(), before);
            assert!(machine.install("exit 0"));
            assert_eq!(machine.policy().as_deref(), before);
        }
    }

    #[test]
    fn a_policy_that_is_a_link_stays_one() {
        let machine = Machine::new(None);
        symlink("/nowhere", machine.path("policy")).unwrap();
        assert!(machine.install("exit 0"));
        assert!(machine.starts_were_denied());
        assert_eq!(fs::read_link(machine.path("policy")).unwrap(), PathBuf::from("/nowhere"));
    }
}
