//! Installing the engines that the tests need, where we may.

use std::io;
use std::process::{Command, Stdio};

use engines::known::{self, ENGINES, Engine};

/// Installs packages as root without any of their daemons starting.
///
/// `policy-rc.d` is how Debian asks whether a daemon may start. Whatever was there is
/// put back when this shell ends, however it ends; the shell goes on to the end of the
/// installation even when `xtask` is killed. A shell that was itself killed is healed
/// by the next one. The lock keeps two runs from taking each other's policy for the
/// machine's own.
const SCRIPT: &str = r#"
set -u
policy=/usr/sbin/policy-rc.d
saved=$policy.saved-by-stockade
mark='# put here by cargo xtask test while it installs packages'
exec 9>/run/lock/stockade-install.lock && flock 9

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
apt-get -q update || echo 'apt-get update failed; trying with the lists there are' >&2
apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
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
    if missing.is_empty() {
        return Ok(true);
    }
    if may_install {
        install(&missing)?;
    }
    let missing = self::missing();
    for engine in &missing {
        eprintln!("no {}: skips {}", engine.binary, engine.needed_by);
    }
    if known::in_ci() && !missing.is_empty() {
        eprintln!("with CI=true nothing may be skipped: install {}", packages(&missing).join(" "));
        return Ok(false);
    }
    Ok(true)
}

fn missing() -> Vec<&'static Engine> {
    ENGINES.iter().copied().filter(|engine| engine.find().is_none()).collect()
}

fn install(missing: &[&Engine]) -> io::Result<()> {
    let packages = packages(missing);
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
        "Installing {} by apt-get, for the tests; no daemon is started. --no-install does without.",
        packages.join(" ")
    );
    let status =
        command.args(["-c", SCRIPT, "install"]).args(&packages).stdin(Stdio::null()).status()?;
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
