//! What a URL says: `redis://[[USER]:PASSWORD@]HOST[:PORT][,HOST..][/DATABASE][?prefix=..&service=..&sslrootcert=..]`
//!
//! `redis` and `rediss` (TLS) name one server, `redis-cluster` and `rediss-cluster` some nodes of a cluster,
//! `redis-sentinel` and `rediss-sentinel` the sentinels that know where the primary of `service` is.
//! By TLS a server has to prove the name of the URL, by the roots of the system or of the PEM file `sslrootcert`.

use std::path::PathBuf;

use crate::OpenError;

/// Where sessions are.
pub(super) struct Address {
    pub(super) kind: Kind,
    /// A plain URL for each host.
    pub(super) urls: Vec<String>,
    /// What every key begins with.
    pub(super) prefix: String,
    /// Whose certificates are believed, if not the system's.
    pub(super) roots: Option<PathBuf>,
}

/// What is found there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Single,
    Cluster,
    Sentinel { service: String },
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, OpenError> {
        let (scheme, rest) = url.split_once("://").ok_or_else(unknown)?;
        let (tls, kind) = match scheme {
            "redis" => ("redis", Kind::Single),
            "rediss" => ("rediss", Kind::Single),
            "redis-cluster" => ("redis", Kind::Cluster),
            "rediss-cluster" => ("rediss", Kind::Cluster),
            "redis-sentinel" => ("redis", Kind::Sentinel { service: String::from("mymaster") }),
            "rediss-sentinel" => ("rediss", Kind::Sentinel { service: String::from("mymaster") }),
            _ => return Err(unknown()),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (format!("{user}@"), hosts),
            None => (String::new(), authority),
        };
        let mut address = Self { kind, urls: Vec::new(), prefix: String::from("cloakroom"), roots: None };
        for option in query.split('&').filter(|option| !option.is_empty()) {
            match (option.split_once('='), &mut address.kind) {
                (Some(("prefix", prefix)), _) if is_word(prefix) => prefix.clone_into(&mut address.prefix),
                (Some(("service", name)), Kind::Sentinel { service }) if is_word(name) => {
                    name.clone_into(service);
                }
                // In the clear it would promise what nobody keeps.
                (Some(("sslrootcert", _)), _) if tls == "redis" => {
                    return Err(failed(
                        "sslrootcert is for rediss://, rediss-cluster:// and rediss-sentinel://",
                    ));
                }
                (Some(("sslrootcert", "system")), _) => address.roots = None,
                (Some(("sslrootcert", file)), _) if !file.is_empty() => address.roots = Some(file.into()),
                _ => {
                    return Err(failed(
                        "its options are prefix=WORD, by TLS sslrootcert=FILE, and for sentinels service=WORD",
                    ));
                }
            }
        }
        if hosts.split(',').any(str::is_empty) {
            return Err(unknown());
        }
        if address.kind == Kind::Single && hosts.contains(',') {
            return Err(failed(
                "several hosts are a cluster or sentinels: use redis-cluster:// or redis-sentinel://",
            ));
        }
        if !database.bytes().all(|byte| byte.is_ascii_digit())
            || (address.kind == Kind::Cluster && !matches!(database, "" | "0"))
        {
            return Err(failed("a database is a number, and a cluster has none but 0"));
        }
        address.urls = hosts.split(',').map(|host| format!("{tls}://{user}{host}/{database}")).collect();
        Ok(address)
    }
}

/// What may stand in a key without meaning something there.
fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'.');
    !text.is_empty() && text.len() <= 64 && text.bytes().all(plain)
}

fn unknown() -> OpenError {
    failed("expected redis://HOST or rediss://HOST (also redis-cluster:// and redis-sentinel://)")
}

/// Never with the URL: there is a password in it.
fn failed(why: &str) -> OpenError {
    OpenError::Sessions(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_one_server_a_cluster_or_sentinels() {
        let one = Address::parse("rediss://:secret@host:6380/2?prefix=shop").unwrap();
        assert_eq!((one.kind, one.prefix.as_str()), (Kind::Single, "shop"));
        assert_eq!(one.urls, ["rediss://:secret@host:6380/2"]);
        let cluster = Address::parse("redis-cluster://u:p@a,b:7000").unwrap();
        assert_eq!((cluster.kind, cluster.prefix.as_str()), (Kind::Cluster, "cloakroom"));
        assert_eq!(cluster.urls, ["redis://u:p@a/", "redis://u:p@b:7000/"]);
        let sentinels = Address::parse("rediss-sentinel://a:26379,b:26379/1?service=main").unwrap();
        assert_eq!(sentinels.kind, Kind::Sentinel { service: String::from("main") });
        assert_eq!(sentinels.roots, None);
        let trusting = |file| Address::parse(&format!("rediss://a?sslrootcert={file}")).unwrap().roots;
        assert_eq!([trusting("/etc/ca.pem"), trusting("system")], [Some("/etc/ca.pem".into()), None]);
        assert_eq!(sentinels.urls, ["rediss://a:26379/1", "rediss://b:26379/1"]);
    }

    #[test]
    fn what_is_no_such_url_is_refused_without_repeating_it() {
        for bad in [
            "",
            "redis:",
            "redis://",
            "http://hunter2@host",
            "redis://hunter2@a,b",
            "redis://hunter2@a,",
            "redis://hunter2@host/x",
            "redis-cluster://hunter2@host/1",
            "redis://hunter2@host?prefix=",
            "redis://hunter2@host?prefix={a}",
            "redis://hunter2@host?service=a",
            "redis://hunter2@host?timeout=1",
            "redis://hunter2@host?sslrootcert=/etc/ca.pem",
            "rediss://hunter2@host?sslrootcert=",
            "rediss://hunter2@host/0#insecure",
        ] {
            let error = Address::parse(bad).err().unwrap().to_string();
            assert!(error.contains("store.sessions") && !error.contains("hunter2"), "{bad}: {error}");
        }
    }
}
