//! Host names. A program that is linked statically against glibc has only the `files` and `dns` modules of the name service switch
//! built in; where nsswitch.conf names others (mdns, resolve, sss, …) the system's own `getent`, which can load them, is asked. And
//! `localhost` is believed only where it is this machine, because requests to it may be plain http.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::child::Child;
use crate::bounded;
use crate::error::Class;

/// More than any system's nsswitch.conf has.
const LARGEST_SWITCH: u64 = 64 << 10;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Resolves names as every other program on this machine does.
#[derive(Debug)]
pub(super) struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses = addresses_of(name.as_str()).await?;
            if name.as_str() == "localhost" && !addresses.iter().all(|address| address.ip().is_loopback()) {
                return Err("localhost is not this machine here".into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

async fn addresses_of(name: &str) -> Result<Vec<SocketAddr>, Failure> {
    let switch = || String::from_utf8_lossy(&bounded::beginning("/etc/nsswitch.conf", LARGEST_SWITCH)).into_owned();
    if cfg!(all(target_env = "gnu", target_feature = "crt-static"))
        && needs_modules(&switch())
        && let Some(addresses) = ask_getent(name).await?
    {
        return Ok(addresses);
    }
    let name = name.to_owned();
    let lookup = move || (name.as_str(), 0).to_socket_addrs().map(Iterator::collect);
    Ok(tokio::task::spawn_blocking(lookup).await??)
}

/// Whether this nsswitch.conf wants more for hosts than what is built in.
fn needs_modules(switch: &str) -> bool {
    let hosts = switch.lines().filter_map(|line| line.split('#').next()?.trim().strip_prefix("hosts:"));
    let words = hosts.flat_map(str::split_whitespace);
    let modules = words.filter(|word| !word.contains(['[', ']', '=']));
    modules.into_iter().any(|module| !matches!(module, "files" | "dns"))
}

/// The answer of `getent ahosts`; `None` where there is no such program.
async fn ask_getent(name: &str) -> Result<Option<Vec<SocketAddr>>, Failure> {
    let unknown = "failed to lookup address information: Name or service not known";
    let output = match Child::new(["getent", "ahosts", name].map(OsString::from).to_vec()).output().await {
        Ok(output) => output,
        Err(error) if error.class == Class::Config => return Ok(None),
        Err(_) => return Err(unknown.into()),
    };
    match parse_ahosts(&String::from_utf8_lossy(&output.stdout)) {
        addresses if addresses.is_empty() => Err(unknown.into()),
        addresses => Ok(Some(addresses)),
    }
}

fn parse_ahosts(output: &str) -> Vec<SocketAddr> {
    let streams = output.lines().filter(|line| line.contains("STREAM"));
    let addresses = streams.filter_map(|line| line.split_whitespace().next()?.split('%').next()?.parse::<IpAddr>().ok());
    addresses.map(|address| SocketAddr::new(address, 0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_needed_where_more_than_files_and_dns_is_named() {
        let table = [
            ("", false),
            ("hosts: files dns", false),
            ("passwd: sss\nhosts:\tfiles dns # mdns", false),
            ("hosts: files [NOTFOUND=return] dns", false),
            ("hosts: files mdns4_minimal [NOTFOUND=return] dns", true),
            ("hosts: files myhostname resolve [!UNAVAIL=return] dns", true),
            ("#hosts: sss\nhosts: files", false),
        ];
        for (switch, needed) in table {
            assert_eq!(needs_modules(switch), needed, "{switch}");
        }
    }

    #[test]
    fn the_answer_of_getent_is_read() {
        let output =
            "::1             STREAM localhost\n::1             DGRAM  \n127.0.0.1       STREAM x\nfe80::1%eth0 STREAM\njunk STREAM\n";
        let addresses: Vec<String> = parse_ahosts(output).iter().map(|address| address.ip().to_string()).collect();
        assert_eq!(addresses, ["::1", "127.0.0.1", "fe80::1"]);
    }
}
